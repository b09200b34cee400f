"""What waits in a spool: how much, since when; and the limit beyond which nothing is added to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Final

from common import clock
from events.errors import SpoolBacklogError
from events.shipping.ledger import stored_places
from events.shipping.merging import Place
from events.shipping.writers import Writer, list_writers
from events.sinks.reading import SegmentReader

# How old a count of what waits may be before it is made anew.
_COUNT_SECONDS: Final = 0.5
_LOOKS: Final = 5
# Once refused, records are taken again below this share of the limit, so that it is not one by one.
_SHARE_TO_RESUME: Final = 0.9

Places = Mapping[str, Place]


def waiting_bytes(writers: Iterable[Writer], places: Places) -> int:
    """Bytes of `writers` behind `places`."""
    return sum(max(end - start, 0) for _, start, end in _stretches(writers, places))


def oldest_waiting_ns(writers: Iterable[Writer], places: Places) -> int | None:
    """The time of the oldest record behind `places`, in Unix nanoseconds; None when nothing waits."""
    times = [
        found
        for path, start, end in _stretches(writers, places)
        if end > start and (found := _time_at(path, start)) is not None
    ]
    return min(times, default=None)


def spool_oldest_ns(spool: Path) -> int | None:
    """The time of the oldest record in `spool` that is not shipped; None when nothing waits."""
    return oldest_waiting_ns(_writers_of(spool), stored_places(spool))


def _writers_of(spool: Path) -> list[Writer]:
    """The writers as somebody beside the shipper sees them, who may be deleting one just now."""
    for _ in range(_LOOKS):
        try:
            return list_writers(spool)[0]
        except FileNotFoundError:
            continue
    return []


def _stretches(writers: Iterable[Writer], places: Places) -> Iterator[tuple[Path, int, int]]:
    """(segment, place, size) of everything that is not shipped."""
    for writer in writers:
        place = places.get(writer.name, Place())
        for segment in writer.segments:
            if segment >= place.segment:
                path = writer.folder / segment
                try:
                    size = path.stat().st_size
                except FileNotFoundError:
                    # Shipped and deleted meanwhile.
                    continue
                yield path, place.offset if segment == place.segment else 0, size


def _time_at(path: Path, offset: int) -> int | None:
    try:
        reader = SegmentReader(path, offset)
    except FileNotFoundError:
        return None
    header = reader.peek_header()
    reader.close()
    return None if header is None else header.unix_ns


class BacklogLimit:
    """Refuses records while more than `most_bytes` wait in the whole spool; 0 refuses nothing."""

    def __init__(self, spool: Path, most_bytes: int) -> None:
        self._spool = spool
        self._most_bytes = most_bytes
        self._counted_at = float("-inf")
        self._waiting = 0
        self._is_over = False
        self._lock = Lock()

    def check(self, size: int) -> None:
        """Count `size` more bytes in; raises SpoolBacklogError when there are too many."""
        if not self._most_bytes:
            return
        with self._lock:
            if clock.monotonic() - self._counted_at >= _COUNT_SECONDS:
                self._waiting = self._count()
                self._counted_at = clock.monotonic()
            share = _SHARE_TO_RESUME if self._is_over else 1
            self._is_over = self._waiting + size > self._most_bytes * share
            if self._is_over:
                raise SpoolBacklogError(self._most_bytes)
            self._waiting += size

    def _count(self) -> int:
        writers = _writers_of(self._spool)
        everything = waiting_bytes(writers, {})
        if everything <= self._most_bytes // 2:
            return everything
        # Part of it may be shipped; the ledger is only asked when that matters.
        try:
            return waiting_bytes(writers, stored_places(self._spool))
        except sqlite3.Error:
            return everything
