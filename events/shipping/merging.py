"""Reads the writers of a spool from where each was left, as one sequence in time order."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from events.shipping.writers import Horizon, Writer
from events.sinks.framing import Record
from events.sinks.reading import Gap, SegmentReader, Stretch


@dataclass(frozen=True, slots=True)
class Place:
    """How far a writer was read: everything before `offset` of `segment`."""

    segment: str = ""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Damage:
    """A stretch of a segment that holds no record; `data` are its bytes, empty for a torn tail."""

    writer: str
    segment: str
    stretch: Stretch
    data: bytes


ReportDamage = Callable[[Damage], None]


class Tail:
    """One writer, read from `place` on."""

    def __init__(self, writer: Writer, place: Place, report: ReportDamage) -> None:
        self.writer = writer
        self.place = place
        self.is_exhausted = False
        self._report = report
        self._reader: SegmentReader | None = None
        self._next = 0

    def peek(self) -> Record | None:
        """The next record; None when there is none yet, or never will be."""
        while self._open():
            assert self._reader is not None
            found = self._reader.peek()
            if not isinstance(found, Stretch):
                record, self._next = found
                return record
            if not self._pass(found):
                return None
        return None

    def advance(self) -> None:
        """Move past the record that `peek` returned."""
        self._move(self._next)

    def close(self) -> None:
        """Let go of the file."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _open(self) -> bool:
        """Have the reader at `place`; False when the last segment is behind."""
        if self._reader is not None:
            return True
        segments = [name for name in self.writer.segments if name >= self.place.segment]
        if not segments:
            self.is_exhausted = not self.writer.is_alive
            return False
        if segments[0] != self.place.segment:
            self.place = Place(segments[0], 0)
        self._reader = SegmentReader(self.writer.folder / segments[0], self.place.offset)
        return True

    def _pass(self, stretch: Stretch) -> bool:
        """Move past bytes that hold no record; False when they may still become one."""
        is_final = self.writer.is_final(self.place.segment)
        if stretch.gap is Gap.DAMAGED and (is_final or self._is_written(stretch.end)):
            self._tell(stretch)
            self._move(stretch.end)
            return True
        if not is_final:
            return False
        if stretch.gap is Gap.TORN:
            self._tell(stretch)
        return self._leave_segment(stretch.end)

    def _leave_segment(self, end: int) -> bool:
        self._move(end)
        later = [name for name in self.writer.segments if name > self.place.segment]
        if not later:
            self.is_exhausted = not self.writer.is_alive
            return False
        self.close()
        self.place = Place(later[0], 0)
        return True

    def _move(self, offset: int) -> None:
        assert self._reader is not None
        self._reader.advance(offset)
        self.place = Place(self.place.segment, offset)

    def _is_written(self, offset: int) -> bool:
        """True when the record at `offset` is below the floor: what precedes it cannot be under way."""
        reader = SegmentReader(self.writer.folder / self.place.segment, offset)
        header = reader.peek_header()
        reader.close()
        return header is not None and header.unix_ns < self.writer.floor_ns

    def _tell(self, stretch: Stretch) -> None:
        assert self._reader is not None
        is_torn = stretch.gap is Gap.TORN
        data = b"" if is_torn else self._reader.bytes_between(stretch.start, stretch.end)
        self._report(Damage(self.writer.name, self.place.segment, stretch, data))


def merge_tails(tails: list[Tail], horizon: Horizon) -> Iterator[Record]:
    """The records of all tails in time order as far as `horizon` holds; a tail is past what was yielded."""
    heap: list[tuple[int, str, Tail, Record]] = []

    def push(tail: Tail) -> None:
        record = tail.peek()
        if record is not None and horizon.holds(record.unix_ns, tail.writer.floor_ns):
            heapq.heappush(heap, (record.unix_ns, tail.writer.name, tail, record))

    for tail in tails:
        push(tail)
    while heap:
        _, _, tail, record = heapq.heappop(heap)
        tail.advance()
        yield record
        push(tail)
