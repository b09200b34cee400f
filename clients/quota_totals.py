"""A machine's own sums out of the mapped file, and the place in it for those of other machines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from clients.quota_map import (
    COLUMNS,
    COUNTED_BEFORE,
    COUNTED_NOW,
    DAY,
    DAY_BITS,
    DAY_MASK,
    ELSEWHERE,
    SECOND_BITS,
    SECOND_MASK,
    QuotaMap,
)

_COUNTED: Final = re.compile(rb"[^\0]")
_NOW: Final = bytes([COUNTED_NOW])


class Total(NamedTuple):
    """One count of one client: `which` says which one, `at` is its second or day."""

    client_id: int
    which: int
    at: int
    amount: int


class QuotaTotals(QuotaMap):
    """Reads the columns of this machine's `workers`, and alone writes that of the other machines."""

    def __init__(self, path: Path, workers: int) -> None:
        super().__init__(path)
        self._columns = 1 + workers

    def take_marked(self) -> list[int]:
        """The clients for whom something was counted since the last call."""
        self.map_all()
        found, at = [], self.marks.find(_NOW)
        while at >= 0:
            # Before its words are read: what is counted from here on is marked anew.
            self.marks[at] = COUNTED_BEFORE
            found.append(at)
            at = self.marks.find(_NOW, at + 1)
        return found

    def of_clients(self, client_ids: Iterable[int]) -> Iterator[Total]:
        """What this machine counted for these clients, each count at its newest second or day."""
        for client_id in client_ids:
            start = self.row(client_id)
            for index in range(DAY):
                place = start + index * COLUMNS + 1
                words = self.words[place : place + self._columns - 1].tolist()
                if any(words):
                    yield Total(client_id, index, *_newest(words, SECOND_BITS, SECOND_MASK))
            yield from self._day_of(client_id)

    def of_day(self, day: int) -> Iterator[Total]:
        """The events of the day of every client, as this machine counted them."""
        self.map_all()
        for found in _COUNTED.finditer(self.marks):
            yield from (total for total in self._day_of(found.start()) if total.at == day)

    def put_elsewhere(self, total: Total) -> None:
        """All other machines together counted this; events of one day never become fewer."""
        place = self.row(total.client_id) + total.which * COLUMNS + ELSEWHERE
        if total.which != DAY:
            self.words[place] = total.at << SECOND_BITS | min(total.amount, SECOND_MASK)
            return
        word = total.at << DAY_BITS | min(total.amount, DAY_MASK)
        # A later day is the larger word, and of the same day the larger count.
        self.words[place] = max(self.words[place], word)

    def _day_of(self, client_id: int) -> Iterator[Total]:
        # All columns: those of workers that were before a restart with fewer, too.
        place = self.row(client_id) + DAY * COLUMNS + 1
        words = self.words[place : place + COLUMNS - 1].tolist()
        if any(words):
            yield Total(client_id, DAY, *_newest(words, DAY_BITS, DAY_MASK))


def _newest(words: list[int], bits: int, mask: int) -> tuple[int, int]:
    """The latest second or day in `words`, and the sum of its counts."""
    newest = max(words) >> bits
    return newest, sum(word & mask for word in words if word >> bits == newest)
