"""A store with hourly files, the jobs run on it, and what came out."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isal import igzip

from offline.jobs import load_job
from offline.jobs.base import JobInput
from pipelines.days import day_number

DAY = day_number("20261121")
LONG_AGO = 1_700_000_000


@dataclass
class Told:
    """A context that remembers."""

    reports: list[tuple[int, int, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def report(self, done: int, total: int, note: str = "") -> None:
        self.reports.append((done, total, note))

    def log(self, line: str) -> None:
        self.lines.append(line)


@dataclass
class Machine:
    """Its `root` holds logs/ and seldon-models/."""

    root: Path
    told: Told = field(default_factory=Told)

    def hour(self, hour: int, lines: Iterable[bytes], *, number: int = 0, kind: str = "events") -> Path:
        """An hourly file as ours are called."""
        return self.file(f"{hour:02d}/20261121-{hour:02d}_{number}.log.gz", pack(lines), kind=kind)

    def file(self, name: str, data: bytes, *, day: str = "2026/11/21", kind: str = "events") -> Path:
        path = self.root / f"logs/{kind}.{day}/{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def split(self, job: str = "split_events", day: int = DAY, **parameters: Any) -> dict[str, Any]:
        """Run the job on this store; what it returned."""
        found = load_job(job)
        given = {"store": str(self.root), "processes": 1, **parameters}
        return dict(found.run(JobInput(None, day, found.check_parameters(given)), self.told))

    def lines(self, client: str, day: int = DAY, kind: str = "events") -> list[bytes]:
        """What lies in a client's day, file by file."""
        return self._lines(f"{client}/{kind}/{day}")

    def bad(self, day: int = DAY, kind: str = "events") -> list[bytes]:
        return self._lines(f"_bad/{kind}/{day}")

    def outputs(self) -> dict[str, bytes]:
        """Every file below seldon-models with its bytes, but not the manifests, which tell of times."""
        models = self.root / "seldon-models"
        found = (path for path in models.rglob("*") if path.is_file() and "_manifests" not in path.parts)
        return {path.relative_to(models).as_posix(): path.read_bytes() for path in found}

    def _lines(self, place: str) -> list[bytes]:
        paths = sorted((self.root / "seldon-models" / place).glob("*"))
        return [line for path in paths for line in gzip.decompress(path.read_bytes()).splitlines()]


def pack(lines: Iterable[bytes]) -> bytes:
    return igzip.compress(b"".join(line + b"\n" for line in lines), 1, mtime=0)


def event(client: str, number: int = 0) -> bytes:
    """A line as our shipper and Fluentd write it."""
    return b"2026-11-21T10:00:%02dZ\tevents.live\t%b" % (number % 60, plain(client, number))


def plain(client: str, number: int = 0) -> bytes:
    return b'{"n":%d,"client":"%b"}' % (number, client.encode())


def make_old(path: Path) -> None:
    """Nobody writes to the file any more."""
    os.utime(path, (LONG_AGO, LONG_AGO))
