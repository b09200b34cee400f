"""From `seldon-cli serve` on an installed tree with data to the first answer."""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.processes import Watch
from benchmarks.rows import Row, run_script, spread
from benchmarks.seed import installation
from benchmarks.servers import ROOT, environment_of, seldon_cli, status_of

_RUNS = 3
_TARGET_SECONDS = 10.0
_POLL_SECONDS = 0.01


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def first_answer(command: list[str], data: Path) -> float:
    """Seconds from the start of `command` to the first 200 of /readyz on a port of its own."""
    port = free_port()
    environment = environment_of(SELDON_DATA=str(data), SELDON_PORT=str(port))
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while status_of(port, "/readyz") != 200:
            if process.poll() is not None or time.perf_counter() - started > 60:
                raise SystemExit(f"{' '.join(command)} did not answer")
            time.sleep(_POLL_SECONDS)
        return time.perf_counter() - started
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def bare_import() -> float:
    """Seconds of a Python that imports Django and ends."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", "import django.core.handlers.asgi, uvicorn"], check=True, timeout=60
    )
    return time.perf_counter() - started


def measure(seconds: float) -> list[Row]:
    """The second and later starts: database made, files in the cache."""
    serve = seldon_cli("serve")
    with Watch() as watch, installation() as installed:
        first_answer(serve, installed.data)
        pairs = [(bare_import(), first_answer(serve, installed.data)) for _ in range(_RUNS)]
    times = [ours for _, ours in pairs]
    return [
        Row(
            "`seldon-cli serve`, everything installed, to its first answer of /readyz",
            f"≤ {_TARGET_SECONDS:g} s",
            f"{spread(times, '{:.1f}')} s",
            statistics.median(times) <= _TARGET_SECONDS,
            f"a Python that imports Django and uvicorn: {statistics.median(pair[0] for pair in pairs):.1f} s",
            others_cpu=watch.others,
        )
    ]


if __name__ == "__main__":
    run_script("start", measure)
