"""Splitting a day: 5 M events of 50 clients in 24 files, beside Spark SQL, start and end included."""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from isal import isal_zlib

from benchmarks.rows import Row, run_script, spread
from benchmarks.servers import ROOT

FILES, CLIENTS, EVENTS = 24, 50, 5_000_000
_RUNS = 3
# A Python with pyspark; `scripts/bootstrap journeys` makes it.
SPARK_PYTHON = ROOT / ".run" / "spark4" / "bin" / "python"


@dataclass(frozen=True)
class Took:
    """One run: seconds by the clock, processor seconds of all its processes, most memory of them together."""

    seconds: float
    cpu_seconds: float
    mebibytes: float


def make_hour(hour: int, root: Path) -> None:
    """One file: clients by Zipf's law, lines as the shipper writes them."""
    numbers = random.Random(hour)
    weights = [1 / (place + 1) for place in range(CLIENTS)]
    clients = numbers.choices(range(CLIENTS), weights, k=EVENTS // FILES)
    folder = root / f"logs/events.2026/11/21/{hour:02d}"
    folder.mkdir(parents=True)
    packed = isal_zlib.compressobj(level=1, wbits=31)
    any_of = numbers.randrange
    with (folder / f"20261121-{hour:02d}_0.log.gz").open("wb") as out:
        for begin in range(0, len(clients), 10_000):
            lines = [
                f"2026-11-21T{hour:02d}:{place % 60:02d}:07Z\tevents.live\t"
                f'{{"type":"view","user":"u{any_of(100_000)}",'
                f'"item":{any_of(20_000)},"value":{any_of(100) / 10},"client":"client{client}",'
                f'"timestamp":{1795255737 + place}}}\n'
                for place, client in enumerate(clients[begin : begin + 10_000], begin)
            ]
            out.write(packed.compress("".join(lines).encode()))
        out.write(packed.flush())


@contextmanager
def day() -> Iterator[Path]:
    """A store with the hourly files."""
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".benchmark-split-") as folder:
        root = Path(folder)
        with get_context("spawn").Pool(2) as pool:
            pool.starmap(make_hour, [(hour, root) for hour in range(FILES)])
        yield root


def run(*command: str) -> Took:
    """One run of a program, everything counted."""
    os.sync()
    before, started = os.times(), time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = [0.0]
    watching = threading.Thread(target=_watch, args=(process, most))
    watching.start()
    code = process.wait()
    seconds, after = time.perf_counter() - started, os.times()
    watching.join()
    if code:
        raise SystemExit(f"{command[1:]} ended with {code}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Took(seconds, cpu, most[0])


def _watch(process: subprocess.Popen[bytes], most: list[float]) -> None:
    while process.poll() is None:
        most[0] = max(most[0], sum(map(_resident, _family(process.pid))))
        time.sleep(0.05)


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))
    except OSError:
        return


def _resident(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0


def ours(root: Path, processes: int) -> Took:
    """Our split, onto nothing."""
    shutil.rmtree(root / "seldon-models", ignore_errors=True)
    return run(sys.executable, "-m", "benchmarks.references.split_once", str(root), str(processes))


def spark_sql(root: Path) -> Took:
    """Spark's, onto nothing."""
    shutil.rmtree(root / "spark", ignore_errors=True)
    script = ROOT / "benchmarks/references/spark_sql_split.py"
    return run(str(SPARK_PYTHON), str(script), str(root / "logs/events.2026/11/21/*/*"), str(root / "spark"))


def measure(_: float) -> list[Row]:
    """Every claim on splitting."""
    with day() as root:
        ours(root, 2)
        alternating = [(ours(root, 1), ours(root, 2)) for _ in range(_RUNS)]
        beside = [(ours(root, 2), spark_sql(root)) for _ in range(_RUNS - 1)] if SPARK_PYTHON.exists() else []
    rates = [EVENTS / one.cpu_seconds for one, _ in alternating]
    scaling = [one.seconds / two.seconds for one, two in alternating]
    memory = [two.mebibytes for _, two in alternating]
    clocked = [EVENTS / one.seconds for one, _ in alternating]
    clock = f"by the clock: {spread(clocked, '{:,.0f}')} events/s with one process"
    what = "split of 5 M events, 50 clients, 24 files"
    rows = [
        Row(
            f"{what}, per core",
            "≥ 1 000 000 events/s",
            f"{spread(rates, '{:,.0f}')} events/s of processor time",
            statistics.median(rates) >= 1e6,
            clock,
        ),
        Row(
            f"{what}, 2 processes against 1",
            "≥ 1.7 ×",
            f"{spread(scaling)} ×",
            statistics.median(scaling) >= 1.7,
            f"one process: {statistics.median(one.seconds for one, _ in alternating):.1f} s",
        ),
        Row(
            f"{what}, memory of all its processes",
            "≤ 1024 MiB",
            f"{spread(memory, '{:.0f}')} MiB",
            max(memory) <= 1024,
            "",
        ),
    ]
    return [*rows, *_beside_spark(what, beside)]


def _beside_spark(what: str, beside: list[tuple[Took, Took]]) -> list[Row]:
    if not beside:
        sys.stderr.write("no Spark here: `scripts/bootstrap journeys` installs it\n")
        return []
    ratios = [spark.seconds / own.seconds for own, spark in beside]
    cpu = [spark.cpu_seconds / own.cpu_seconds for own, spark in beside]
    return [
        Row(
            f"{what}, 2 processes, against Spark SQL `local[2]`, start and end counted",
            "≥ 10 ×",
            f"{spread(ratios, '{:.1f}')} ×",
            statistics.median(ratios) >= 10,
            f"Spark SQL 4.3: {statistics.median(spark.seconds for _, spark in beside):.1f} s; "
            f"ours: {statistics.median(own.seconds for own, _ in beside):.1f} s",
            (f"by processor time: {spread(cpu, '{:.1f}')} ×",),
        )
    ]


if __name__ == "__main__":
    run_script("splitting", measure)
