"""A message sent again and again over gRPC by h2load, which costs far less than the servers it asks."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.loads import Run
from benchmarks.peers import Peer
from benchmarks.processes import busy_seconds, children_seconds

_COUNTS = re.compile(r"requests: (\d+) total, \d+ started, (\d+) done, (\d+) succeeded")


@dataclass(frozen=True)
class GrpcSide:
    """A message for one method of a server, from several connections with one call each under way."""

    server: Peer
    method: str
    message: bytes
    connections: int = 16
    seconds: float = 3.0

    def warm_up(self) -> None:
        """One second of the same."""
        replace(self, seconds=1.0).run()

    def run(self) -> Run:
        """One run."""
        if not shutil.which("h2load"):
            raise SystemExit("h2load is missing; `make bench` installs it (Debian's nghttp2-client)")
        cpu, busy, own = self.server.cpu_seconds(), busy_seconds(), children_seconds()
        started = time.monotonic()
        times, errors, asked_seconds = self._ask()
        seconds = time.monotonic() - started
        used = self.server.cpu_seconds() - cpu
        others = busy_seconds() - busy - used - (children_seconds() - own)
        count = max(len(times), 1)
        return Run(
            requests_per_second=len(times) / asked_seconds,
            p50_ms=_at(times, 0.5),
            p99_ms=_at(times, 0.99),
            p999_ms=_at(times, 0.999),
            errors=errors,
            cpu_us=used / count * 1e6,
            cpu_share=used / seconds,
            rss_mib=self.server.rss_mib(),
            others_cpu=max(0.0, others) / (seconds * (os.cpu_count() or 1)),
        )

    def _ask(self) -> tuple[list[float], int, float]:
        """Milliseconds of each call in order of length, how many failed, and for how long was asked."""
        with tempfile.TemporaryDirectory() as folder:
            body, log = Path(folder, "body"), Path(folder, "log")
            body.write_bytes(b"\0" + struct.pack(">I", len(self.message)) + self.message)
            asked = max(1, round(self.seconds))
            words = [
                "-t1",
                f"-c{self.connections}",
                "-m1",
                f"-D{asked}",
                "-d",
                str(body),
                f"--log-file={log}",
            ]
            headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
            url = f"http://127.0.0.1:{self.server.grpc_port}{self.method}"
            done = subprocess.run(
                ["h2load", *words, *headers, url],
                capture_output=True,
                check=True,
                timeout=asked + 60,
                text=True,
            )
            rows = [line.split("\t") for line in log.read_text().splitlines()]
        found = _COUNTS.search(done.stdout)
        failed = int(found[2]) - int(found[3]) if found else 1
        # A call that gRPC refuses is an answer without a body, hence a status alone is no proof: see check.
        times = sorted(int(row[2]) / 1000 for row in rows if row[1] == "200")
        return times, failed, float(asked)


def _at(times: list[float], share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))] if times else 0.0
