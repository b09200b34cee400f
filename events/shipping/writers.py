"""The writers of a spool as the shipper sees them: which live, how far each has come."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from common import clock
from events.sinks.files import Files, try_lock
from events.sinks.segments import FLOOR, FLOOR_NAME, LOCK_NAME, SEGMENT_SUFFIX

# A live writer whose floor lags more than this is stuck; the others are not held up for it any longer.
STUCK_NS: Final = 30 * 1_000_000_000
# A record stamped further ahead than this was stamped before the clock was set back.
AHEAD_NS: Final = 5 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Writer:
    """One writer's folder. `floor_ns`: nothing older will be added; infinite once the writer is dead."""

    folder: Path
    is_alive: bool
    floor_ns: float
    segments: tuple[str, ...]

    @property
    def name(self) -> str:
        """The folder's name, unique for ever."""
        return self.folder.name

    def is_final(self, segment: str) -> bool:
        """True when nothing will be added to `segment`."""
        return not self.is_alive or segment != self.segments[-1]


@dataclass(frozen=True, slots=True)
class Horizon:
    """Up to which time the records of all writers are known to be there."""

    seen_at_ns: int
    floor_ns: float

    def holds(self, unix_ns: int, own_floor_ns: float) -> bool:
        """True when a record stamped `unix_ns` may be shipped without an older one coming later."""
        if unix_ns >= own_floor_ns:
            return False
        return unix_ns < self.floor_ns or unix_ns >= self.seen_at_ns + AHEAD_NS


def list_writers(root: Path) -> tuple[list[Writer], Horizon]:
    """Every writer below `root` and the horizon over them."""
    # The time comes first: a writer not listed began after it and stamps nothing older.
    seen_at_ns = clock.unix_nanoseconds()
    folders = sorted(path for path in _folders(root) if not path.name.startswith("."))
    writers = [_look_at(folder) for folder in folders]
    floors = [w.floor_ns for w in writers if w.is_alive and w.floor_ns > seen_at_ns - STUCK_NS]
    return writers, Horizon(seen_at_ns, min([seen_at_ns, *floors]))


def remove_writer(folder: Path, files: Files) -> None:
    """Delete the folder of a dead writer whose segments are all shipped."""
    for name in (FLOOR_NAME, LOCK_NAME):
        files.remove(folder / name)
    folder.rmdir()


def sweep_unborn(root: Path) -> None:
    """Delete folders of writers that died before they had their final name."""
    for folder in _folders(root):
        is_unborn = folder.name.startswith(".") and (folder / LOCK_NAME).exists()
        if is_unborn and _is_old(folder) and not is_locked(folder / LOCK_NAME):
            remove_writer(folder, Files())


def is_locked(path: Path) -> bool:
    """True while another process holds the lock of `path`."""
    fd = try_lock(path)
    if fd is None:
        return True
    os.close(fd)
    return False


def _folders(root: Path) -> list[Path]:
    try:
        return [path for path in root.iterdir() if path.is_dir()]
    except FileNotFoundError:
        return []


def _look_at(folder: Path) -> Writer:
    # Life, then floor, then segments: what a floor promises is in the segments listed after it was read.
    is_alive = (folder / LOCK_NAME).exists() and is_locked(folder / LOCK_NAME)
    floor_ns = _read_floor(folder / FLOOR_NAME) if is_alive else math.inf
    names = sorted(path.name for path in folder.iterdir() if path.name.endswith(SEGMENT_SUFFIX))
    return Writer(folder, is_alive, floor_ns, tuple(names))


def _is_old(folder: Path) -> bool:
    # A writer needs a moment between making its folder and locking it.
    return folder.stat().st_mtime < clock.unix_seconds() - 60


def _read_floor(path: Path) -> int:
    data = path.read_bytes()
    return int(FLOOR.unpack(data)[0]) if len(data) == FLOOR.size else 0
