"""Which machine ships a record that came to several of them with the same idempotency key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from events.sinks.framing import Record

_MOST_RECORDS: Final = 256
_MOST_BYTES: Final = 1 << 20


class Repeats(ABC):
    """Decides between machines; on one machine the ledger decides."""

    @abstractmethod
    def claim(self, records: Sequence[Record]) -> frozenset[bytes]:
        """Makes the keys of `records` this machine's; those (by hash) that are another's already.

        Claiming again changes nothing, so a crash before the records are shipped loses none.
        """


class NoRepeats(Repeats):
    """There is no other machine."""

    def claim(self, records: Sequence[Record]) -> frozenset[bytes]:
        return frozenset()


def in_batches(records: Iterable[Record], most_bytes: int) -> Iterator[list[Record]]:
    """`records` a few at a time; never reads a record that is not in the batch it gives."""
    most_bytes = min(most_bytes, _MOST_BYTES)
    batch: list[Record] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record.payload)
        if len(batch) >= _MOST_RECORDS or size >= most_bytes:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
