"""How quota counts lie in a file that processes map into their memory.

One row per client (its primary key), in it for each count one column for what other machines counted and
one per worker of this machine. A word holds a second (or day) above and the count below, and is written
with one aligned 8-byte store. Beside it lies a file of marks, a byte per client: whoever counts sets it, so
that what changed is found without looking at every row. The counts are sparse: a client without quotas
takes no block.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Final

from clients.records import SURFACES

WORKERS: Final = 64
COLUMNS: Final = 1 + WORKERS
ELSEWHERE: Final = 0
# Per surface the even and the odd second; then the day's events.
COUNTS: Final = 2 * len(SURFACES) + 1
DAY: Final = COUNTS - 1
ROW_WORDS: Final = COUNTS * COLUMNS
_ROW_BYTES: Final = ROW_WORDS * 8
_GROW_ROWS: Final = 256
# A second's word: its number above, the count below. A day's: more room for the count.
SECOND_BITS: Final = 24
DAY_BITS: Final = 40
SECOND_MASK: Final = (1 << SECOND_BITS) - 1
DAY_MASK: Final = (1 << DAY_BITS) - 1

COUNTED_NOW: Final = 1
COUNTED_BEFORE: Final = 2


class QuotaMap:
    """The file `path` and its marks, as this process has them mapped; one thread uses it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = _open(path)
        self._marks_file = _open(path.with_name(f"{path.name}.marks"))
        self._rows = 0
        # Of each row whether this process knows that it has blocks on the disk.
        self._has_blocks = bytearray()
        self._maps: list[mmap.mmap] = []
        self.words = memoryview(b"").cast("Q")
        self.marks = mmap.mmap(-1, 1)

    def row(self, client_id: int) -> int:
        """The index of the client's first word; maps more of the file when it lies beyond.

        Raises OSError on a disk without room for a row that has no blocks yet: to touch those would kill
        the process.
        """
        if client_id >= self._rows:
            self._grow(client_id)
        if not self._has_blocks[client_id]:
            os.posix_fallocate(self._file, client_id * _ROW_BYTES, _ROW_BYTES)
            self._has_blocks[client_id] = 1
        return client_id * ROW_WORDS

    def map_all(self) -> None:
        """Maps every row that any process has mapped."""
        rows = os.fstat(self._marks_file).st_size - 1
        if rows > self._rows:
            self._grow(rows - 1)

    def close(self) -> None:
        """Lets go of the files."""
        self._unmap()
        os.close(self._file)
        os.close(self._marks_file)

    def _grow(self, client_id: int) -> None:
        rows = (client_id // _GROW_ROWS + 1) * _GROW_ROWS
        _extend(self._file, rows * _ROW_BYTES)
        os.posix_fallocate(self._marks_file, 0, rows + 1)
        words, marks = mmap.mmap(self._file, rows * _ROW_BYTES), mmap.mmap(self._marks_file, rows)
        self._unmap()
        self._maps = [words, marks]
        self._has_blocks += bytes(rows - self._rows)
        self.words = memoryview(words).cast("Q")
        self.marks = marks
        self._rows = rows

    def _unmap(self) -> None:
        self.words.release()
        for mapped in self._maps:
            mapped.close()
        self._maps = []


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _extend(file: int, size: int) -> None:
    if os.fstat(file).st_size <= size:
        # Written beyond the last row, never truncated: two workers that grow at once cannot shrink what
        # the other has, nor touch a count.
        os.pwrite(file, b"\0", size)
