"""One writer's folder in the spool: segments only appended to, a lock that dies with the process, a floor.

The folder is `<slot>-<pid>-<ns>`, made anew at every start, so nobody ever appends to another's segment.
`lock` is held while the writer lives; `floor` holds a time in Unix nanoseconds (8 bytes, little-endian)
below which this writer will add nothing more, so that a reader can merge several writers in time order.
"""

from __future__ import annotations

import errno
import logging
import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Final

from common import clock
from common.errors import UnavailableError
from events.errors import SpoolFailedError, SpoolFullError
from events.sinks.files import Files, make_folders, take_lock

logger = logging.getLogger(__name__)

LOCK_NAME: Final = "lock"
FLOOR_NAME: Final = "floor"
SEGMENT_SUFFIX: Final = ".segment"
FLOOR: Final = Struct("<Q")
_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """`segment_bytes`: a new segment begins beyond it. `reserve_bytes`: room left for the shipper's files."""

    segment_bytes: int = 64 << 20
    reserve_bytes: int = 32 << 20


class SegmentWriter:
    """Appends bytes to the newest segment of its own folder: all of them, or none.

    `admit` is asked with a size before so many bytes are written; it raises UnavailableError to refuse them.
    """

    def __init__(
        self,
        root: Path,
        slot: str,
        *,
        synchronous: bool,
        limits: SpoolLimits | None = None,
        files: Files | None = None,
        admit: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._root = root
        self._slot = slot
        self._synchronous = synchronous
        self._limits = limits or SpoolLimits()
        self._files = files or Files()
        self._admit = admit
        self._folder: Path | None = None
        self._lock: int | None = None
        self._floor: mmap.mmap | None = None
        self._fd: int | None = None
        self._offset = 0
        self._sequence = 0

    @property
    def folder(self) -> Path | None:
        """This writer's folder once it is open."""
        return self._folder

    def open(self) -> None:
        """Make the folder with its lock and floor; raises SpoolFullError, SpoolFailedError."""
        if self._folder is not None:
            return
        try:
            self._make_folder()
        except OSError as error:
            raise self._refusal(error) from error

    def probe(self) -> None:
        """Nothing when a small record could be written now; raises as `write` does."""
        self._admit(0)
        try:
            self._prepare(0)
        except OSError as error:
            raise self._refusal(error) from error

    def write(self, data: bytes) -> None:
        """Append all of `data`; when nothing was, SpoolFullError, SpoolFailedError or what `admit` raised."""
        self._admit(len(data))
        try:
            self._prepare(len(data))
            self._write_all(data)
        except OSError as error:
            self._undo(error)
            raise self._refusal(error) from error
        self._offset += len(data)

    def set_floor(self, unix_ns: int) -> None:
        """Promise that every record stamped before `unix_ns` is written."""
        if self._floor is not None:
            FLOOR.pack_into(self._floor, 0, unix_ns)

    def close(self) -> None:
        """Let go of everything; the folder is then a finished writer's."""
        self._close_segment()
        if self._floor is not None:
            self._floor.close()
            self._floor = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        self._folder = None

    def _make_folder(self) -> None:
        make_folders(self._files, self._root)
        name = f"{self._slot}-{os.getpid()}-{clock.unix_nanoseconds()}"
        # Under its final name the folder is locked from its first moment, so nobody takes it for a dead one.
        fresh = self._root / f".{name}"
        fresh.mkdir()
        lock = take_lock(fresh / LOCK_NAME)
        floor = _make_floor(fresh / FLOOR_NAME)
        self._files.rename(fresh, self._root / name)
        self._files.sync_folder(self._root)
        self._lock, self._floor, self._folder = lock, floor, self._root / name

    def _prepare(self, size: int) -> None:
        self.open()
        reserve = self._limits.reserve_bytes
        if reserve and self._files.free_bytes(self._root) < reserve + size:
            raise OSError(errno.ENOSPC, "the spool's reserve is reached")
        if self._fd is not None and self._offset and self._offset + size > self._limits.segment_bytes:
            self._close_segment()
        if self._fd is None:
            self._open_segment()

    def _open_segment(self) -> None:
        assert self._folder is not None
        self._sequence += 1
        path = self._folder / f"{self._sequence:08d}{SEGMENT_SUFFIX}"
        self._fd = self._files.create(path, synchronous=self._synchronous)
        self._offset = 0
        self._files.sync_folder(self._folder)

    def _close_segment(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _write_all(self, data: bytes) -> None:
        assert self._fd is not None
        written = self._files.write(self._fd, data)
        while written < len(data):
            written += self._files.write(self._fd, memoryview(data)[written:])

    def _undo(self, cause: OSError) -> None:
        """Cut off what a failed write left; after anything but a lack of room, trust this segment no more."""
        if self._fd is None:
            return
        try:
            self._files.truncate(self._fd, self._offset)
        except OSError as error:
            logger.warning("spool: cannot cut a failed write off segment %d: %s", self._sequence, error)
            self._close_segment()
        if cause.errno not in _NO_ROOM:
            self._close_segment()

    def _refusal(self, error: OSError) -> UnavailableError:
        if error.errno in _NO_ROOM:
            return SpoolFullError(str(self._root))
        return SpoolFailedError(error.strerror or str(error))


def _make_floor(path: Path) -> mmap.mmap:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    try:
        # Written, not just sized: a page without a block behind it kills the process when the disk is full.
        os.write(fd, FLOOR.pack(0))
        return mmap.mmap(fd, FLOOR.size)
    finally:
        os.close(fd)
