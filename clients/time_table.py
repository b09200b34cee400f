"""A time for each of endlessly many names, in a file of fixed size that the processes of a machine map.

A name is kept as a keyed hash: its set of eight words, and a mark of 22 bits beside the time in one of
them. Where a set is full the earliest time goes. So whoever tries names without end costs no memory, and
without the key nobody can tell which names share a set.
"""

from __future__ import annotations

import fcntl
import logging
import mmap
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

_WAYS: Final = 8
_SETS: Final = 8_192
_BYTES: Final = _SETS * _WAYS * 8
# Above the time, milliseconds since 1970: enough until the year 2109.
_TIME_BITS: Final = 42
_TIME_MASK: Final = (1 << _TIME_BITS) - 1
_MARK_MASK: Final = (1 << (64 - _TIME_BITS)) - 1


class TimeTable:
    """The table in the file `path`; on a disk without room for it, one of this process alone."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._key = key[: blake2b.MAX_KEY_SIZE]
        self._lock = threading.Lock()
        self._file = _open(path)
        self._map = mmap.mmap(self._file, _BYTES)
        self._words = memoryview(self._map).cast("Q")

    @contextmanager
    def held(self) -> Iterator[None]:
        """No other thread or process reads or changes the table meanwhile."""
        with self._lock:
            if self._file < 0:
                yield
                return
            # Given back by the system, too, when a process dies with it.
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def get(self, name: str) -> int:
        """The time of `name` in milliseconds; 0 when it has none, or lost it to others."""
        start, mark = self._place(name)
        for word in self._words[start : start + _WAYS].tolist():
            if word >> _TIME_BITS == mark:
                return int(word & _TIME_MASK)
        return 0

    def put(self, name: str, milliseconds: int) -> None:
        """Give `name` a time."""
        start, mark = self._place(name)
        words = self._words[start : start + _WAYS].tolist()
        own = [way for way, word in enumerate(words) if word >> _TIME_BITS == mark]
        way = own[0] if own else min(range(_WAYS), key=lambda way: words[way] & _TIME_MASK)
        self._words[start + way] = mark << _TIME_BITS | milliseconds

    def close(self) -> None:
        """Lets go of the file."""
        self._words.release()
        self._map.close()
        if self._file >= 0:
            os.close(self._file)

    def _place(self, name: str) -> tuple[int, int]:
        digest = blake2b(name.encode(errors="surrogatepass"), digest_size=8, key=self._key).digest()
        number = int.from_bytes(digest)
        # No mark is 0, which is an empty word's.
        return number % _SETS * _WAYS, (number >> 32) % _MARK_MASK + 1


def _open(path: Path) -> int:
    """The file with all its blocks, as a write into a hole of it would kill on a full disk; -1: none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        logger.warning("%s cannot be opened, so this process counts alone: %s", path, error)
        return -1
    try:
        os.posix_fallocate(file, 0, _BYTES)
    except OSError as error:
        logger.warning("there is no room for %s, so this process counts alone: %s", path, error)
        os.close(file)
        return -1
    return file
