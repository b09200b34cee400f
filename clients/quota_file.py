"""Quota counts that the workers of one machine share: a file mapped into the memory of each.

One row per client (its primary key), in it for each count one column per worker. A worker writes only its
own column, with one aligned 8-byte store, and reads all: no locks, no system calls. So two workers may
admit at the same moment what only one of them should; the sum is over the limit by less than the number
of workers. Day counts survive a restart. The file is sparse: a client without quotas takes no block.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Final

from clients.records import SURFACES

COLUMNS: Final = 64
# Per surface the even and the odd second; then the day's events.
_COUNTS: Final = 2 * len(SURFACES) + 1
_ROW_WORDS: Final = _COUNTS * COLUMNS
_ROW_BYTES: Final = _ROW_WORDS * 8
_DAY_AT: Final = (_COUNTS - 1) * COLUMNS
_GROW_ROWS: Final = 256
# A second's word: its number above, the count below. A day's: more room for the count.
_SECOND_BITS: Final = 24
_DAY_BITS: Final = 40
_SECOND_MASK: Final = (1 << _SECOND_BITS) - 1
_DAY_MASK: Final = (1 << _DAY_BITS) - 1


class QuotaFile:
    """The counts in the file `path`; this process writes the column `worker` (0…63) of `workers`."""

    def __init__(self, path: Path, worker: int, workers: int) -> None:
        if not 0 <= worker < workers <= COLUMNS:
            raise ValueError(f"worker {worker} of {workers}: at most {COLUMNS} workers share a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._worker = worker
        self._workers = workers
        self._rows = 0
        self._map: mmap.mmap | None = None
        self._words = memoryview(b"").cast("Q")

    def recent(self, client_id: int, surface: int, second: int) -> tuple[int, int]:
        """Requests in the second before `second`, and in `second` so far, over all workers."""
        base = self._row(client_id) + 2 * surface * COLUMNS
        return self._sum_of(base, second - 1), self._sum_of(base, second)

    def add_request(self, client_id: int, surface: int, second: int) -> None:
        """Count one request in this worker's column."""
        place = self._row(client_id) + (2 * surface + second % 2) * COLUMNS + self._worker
        word = self._words[place]
        if word >> _SECOND_BITS == second:
            self._words[place] = word + 1
        else:
            self._words[place] = second << _SECOND_BITS | 1

    def events_of(self, client_id: int, day: int) -> int:
        """Events of the day over all columns, those of workers that were before a restart too."""
        start = self._row(client_id) + _DAY_AT
        words = self._words[start : start + COLUMNS].tolist()
        return sum(word & _DAY_MASK for word in words if word >> _DAY_BITS == day)

    def add_events(self, client_id: int, day: int, events: int) -> None:
        """Count events in this worker's column."""
        place = self._row(client_id) + _DAY_AT + self._worker
        word = self._words[place]
        counted = word & _DAY_MASK if word >> _DAY_BITS == day else 0
        self._words[place] = day << _DAY_BITS | min(counted + events, _DAY_MASK)

    def close(self) -> None:
        """Lets go of the file."""
        self._unmap()
        os.close(self._file)

    def _sum_of(self, base: int, second: int) -> int:
        start = base + second % 2 * COLUMNS
        words = self._words[start : start + self._workers].tolist()
        return sum(word & _SECOND_MASK for word in words if word >> _SECOND_BITS == second)

    def _row(self, client_id: int) -> int:
        """The index of the client's first word; maps more of the file when it lies beyond."""
        if client_id >= self._rows:
            self._grow(client_id)
        return client_id * _ROW_WORDS

    def _grow(self, client_id: int) -> None:
        rows = (client_id // _GROW_ROWS + 1) * _GROW_ROWS
        size = rows * _ROW_BYTES
        if os.fstat(self._file).st_size <= size:
            # Written beyond the last row, never truncated: two workers that grow at once cannot shrink
            # what the other has, nor touch a count.
            os.pwrite(self._file, b"\0", size)
        self._unmap()
        self._map = mmap.mmap(self._file, size)
        self._words = memoryview(self._map).cast("Q")
        self._rows = rows

    def _unmap(self) -> None:
        self._words.release()
        if self._map is not None:
            self._map.close()
            self._map = None
