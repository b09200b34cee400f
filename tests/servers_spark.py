"""Spark for tests: pip's pyspark 3.5 and 4 in `.run/spark3` and `.run/spark4`; a standalone cluster."""

from __future__ import annotations

import contextlib
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.waiting import wait_until
from tests.servers import free_port

_RUN: Final = Path(__file__).resolve().parents[1] / ".run"
VERSIONS: Final = ("spark3", "spark4")


def spark_home(version: str) -> Path | None:
    """Where pip put it; None when it is not installed."""
    return next((_RUN / version).glob("lib/python*/site-packages/pyspark"), None)


@contextlib.contextmanager
def standalone(home: Path, folder: Path) -> Iterator[str]:
    """The address of a master with one worker of two cores."""
    port, page, worker_page = free_port(), free_port(), free_port()
    master = f"spark://127.0.0.1:{port}"
    at = ["--host", "127.0.0.1"]
    size = ["--cores", "2", "--memory", "2g", "--work-dir", str(folder / "work")]
    words = {
        "master.Master": [*at, "--port", str(port), "--webui-port", str(page)],
        "worker.Worker": [*at, "--webui-port", str(worker_page), *size, master],
    }
    command = ["setpriv", "--pdeathsig", "TERM", str(home / "bin" / "spark-class")]
    with (folder / "spark.log").open("wb") as log:
        parts = [
            subprocess.Popen([*command, f"org.apache.spark.deploy.{name}", *more], stdout=log, stderr=log)
            for name, more in words.items()
        ]
    try:
        if not wait_until(lambda: _has_worker(page), timeout_seconds=90):
            raise TimeoutError((folder / "spark.log").read_text()[-4000:])
        yield master
    finally:
        for part in parts:
            part.terminate()
        for part in parts:
            part.wait(30)


def _has_worker(page: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{page}/json/", timeout=2) as answer:
            return b'"aliveworkers" : 1' in answer.read()
    except OSError:
        return False
