"""Holds a spool still for a moment, so that what a backup takes of it fits together.

The shipper takes the same lock around the steps that change what is shipped (commit, names, deletion), never
while it waits for a destination. Writers go on: what they add meanwhile comes after the moment.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from events.shipping.base import Rename
from events.shipping.ledger import LEDGER_NAME, SHIPPER_FOLDER
from events.shipping.writers import list_writers

SETTLING_NAME: Final = "settling"


@dataclass(frozen=True, slots=True)
class OpenSegment:
    """A segment as it was at the moment: `descriptor` holds it although the shipper may delete it."""

    name: str
    descriptor: int
    size: int


@dataclass(frozen=True, slots=True)
class SpoolMoment:
    """What of a spool was not shipped, how far it was read, and the hourly files there were.

    `pending` are hourly files that are shipped and do not have their names yet.
    """

    segments: list[OpenSegment]
    has_ledger: bool
    pending: list[Rename]
    hourly: list[Path]

    def close(self) -> None:
        """Let go of the segments."""
        for segment in self.segments:
            os.close(segment.descriptor)


@contextlib.contextmanager
def settling(spool: Path) -> Iterator[None]:
    """Held by whoever changes, or must not see change, what of `spool` is shipped."""
    with (spool / SHIPPER_FOLDER / SETTLING_NAME).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def take_moment(spool: Path, logs: Path, ledger_copy: Path) -> SpoolMoment:
    """The spool as it is now; its ledger is copied to `ledger_copy`, without pending names."""
    if not (spool / SHIPPER_FOLDER).exists():
        return SpoolMoment(_open_segments(spool), has_ledger=False, pending=[], hourly=_hourly_files(logs))
    with settling(spool):
        ledger = spool / SHIPPER_FOLDER / LEDGER_NAME
        pending = _copy_ledger(ledger, ledger_copy) if ledger.exists() else []
        return SpoolMoment(_open_segments(spool), ledger.exists(), pending, _hourly_files(logs))


def _open_segments(spool: Path) -> list[OpenSegment]:
    found = []
    for writer in list_writers(spool)[0]:
        for segment in writer.segments:
            descriptor = os.open(writer.folder / segment, os.O_RDONLY | os.O_CLOEXEC)
            found.append(OpenSegment(f"{writer.name}/{segment}", descriptor, os.fstat(descriptor).st_size))
    return found


def _hourly_files(logs: Path) -> list[Path]:
    return sorted(path for path in logs.glob("*.*/*/*/*/*") if path.is_file())


def _copy_ledger(ledger: Path, copy: Path) -> list[Rename]:
    source = sqlite3.connect(f"{ledger.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
    target = sqlite3.connect(copy, isolation_level=None)
    try:
        source.backup(target)
        rows = target.execute("SELECT source, target FROM rename ORDER BY target").fetchall()
        # Its paths are those of this machine; whoever takes the copy takes the files under their names.
        target.execute("DELETE FROM rename")
        target.execute("PRAGMA journal_mode=DELETE")
    finally:
        source.close()
        target.close()
    return [Rename(Path(work), Path(name)) for work, name in rows]
