"""`seldon-cli --help`, from a cold process, beside a Python that does nothing."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from benchmarks.processes import Watch
from benchmarks.rows import Row, run_script, spread
from benchmarks.servers import ROOT, seldon_cli

_RUNS = 7
_TARGET_SECONDS = 0.4


def took(command: list[str]) -> float:
    """Wall seconds of one run of `command`, which must succeed."""
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=60)
    return time.perf_counter() - started


def measure(seconds: float) -> list[Row]:
    """Alternating runs; the first of each only warms the file cache."""
    bare = [sys.executable, "-c", "pass"]
    ours = seldon_cli("--help")
    with Watch() as watch:
        pairs = [(took(bare), took(ours)) for _ in range(_RUNS + 1)][1:]
    times = [ours_seconds for _, ours_seconds in pairs]
    return [
        Row(
            "`seldon-cli --help`",
            f"≤ {_TARGET_SECONDS:g} s",
            f"{spread(times)} s",
            statistics.median(times) <= _TARGET_SECONDS,
            f"a Python that does nothing: {statistics.median(pair[0] for pair in pairs):.2f} s",
            others_cpu=watch.others,
        )
    ]


if __name__ == "__main__":
    run_script("help", measure)
