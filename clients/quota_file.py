"""Quota counts that the workers of one machine share: a file mapped into the memory of each.

A worker writes only its own column and reads all: no locks, no system calls. So two workers may
admit at the same moment what only one of them should; the sum is over the limit by less than the number
of workers. Day counts survive a restart. What other machines counted is one column more, which somebody
else writes (`clients/quota_exchange.py`), or nobody.
"""

from __future__ import annotations

from pathlib import Path

from clients.quota_map import (
    COLUMNS,
    COUNTED_NOW,
    DAY,
    DAY_BITS,
    DAY_MASK,
    SECOND_BITS,
    SECOND_MASK,
    WORKERS,
    QuotaMap,
)


class QuotaFile(QuotaMap):
    """The counts in the file `path`; this process writes the column of `worker` (0…63) of `workers`."""

    def __init__(self, path: Path, worker: int, workers: int) -> None:
        if not 0 <= worker < workers <= WORKERS:
            raise ValueError(f"worker {worker} of {workers}: at most {WORKERS} workers share a file")
        super().__init__(path)
        self._column = 1 + worker
        self._columns = 1 + workers

    def recent(self, client_id: int, surface: int, second: int) -> tuple[int, int]:
        """Requests in the second before `second`, and in `second` so far, over all workers and machines."""
        base = self.row(client_id) + 2 * surface * COLUMNS
        return self._sum_of(base, second - 1), self._sum_of(base, second)

    def add_request(self, client_id: int, surface: int, second: int) -> None:
        """Count one request in this worker's column."""
        place = self.row(client_id) + (2 * surface + second % 2) * COLUMNS + self._column
        word = self.words[place]
        if word >> SECOND_BITS == second:
            self.words[place] = word + 1
        else:
            self.words[place] = second << SECOND_BITS | 1
        self.marks[client_id] = COUNTED_NOW

    def events_of(self, client_id: int, day: int) -> int:
        """Events of the day over all columns, those of workers that were before a restart too."""
        start = self.row(client_id) + DAY * COLUMNS
        words = self.words[start : start + COLUMNS].tolist()
        return sum(word & DAY_MASK for word in words if word >> DAY_BITS == day)

    def add_events(self, client_id: int, day: int, events: int) -> None:
        """Count events in this worker's column."""
        place = self.row(client_id) + DAY * COLUMNS + self._column
        word = self.words[place]
        counted = word & DAY_MASK if word >> DAY_BITS == day else 0
        self.words[place] = day << DAY_BITS | min(counted + events, DAY_MASK)
        self.marks[client_id] = COUNTED_NOW

    def _sum_of(self, base: int, second: int) -> int:
        start = base + second % 2 * COLUMNS
        words = self.words[start : start + self._columns].tolist()
        return sum(word & SECOND_MASK for word in words if word >> SECOND_BITS == second)
