"""Reads what was kept, oldest first: the hourly files, then what still waits in the spool."""

from __future__ import annotations

import gzip
import re
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import orjson

from events.records import StoredEvent, Waiting
from events.shipping.hourly import series_of
from events.shipping.ledger import stored_places
from events.shipping.merging import Damage, Place, Tail, merge_tails
from events.shipping.writers import Writer, list_writers
from events.sinks.framing import Record
from events.sinks.reading import SegmentReader

# More records than this are not counted one by one: whoever asks is waiting.
COUNT_LIMIT: Final = 200_000
_ATTEMPTS: Final = 5
_NUMBER: Final = re.compile(r"(.*)_(\d+)\.log\.gz")

Places = dict[str, Place]


class EventTail:
    """The lines of one client in one stream: `last` and then, as they come, `new`.

    While it looks, the shipper may move records from the spool to a file; then it looks again. Without
    `reads_files` it tells only what waits in the spool.
    """

    def __init__(self, data: Path, client: str, stream: str, *, reads_files: bool = True) -> None:
        self._spool = data / "spool"
        self._logs = data / "logs"
        self._client = client
        self._stream = stream
        self._reads_files = reads_files
        self._places: Places = {}

    def last(self, limit: int) -> list[StoredEvent]:
        """The newest `limit` lines."""
        for _ in range(_ATTEMPTS):
            shipped = stored_places(self._spool)
            waiting = self._read_spool(shipped)
            missing = limit - len(waiting) if self._reads_files else 0
            older = self._read_files(missing) if missing > 0 else []
            if stored_places(self._spool) == shipped:
                break
        return [*older, *waiting][-limit:]

    def new(self) -> list[StoredEvent]:
        """Lines that came since `last` or `new` was called."""
        return self._read_spool(self._places)

    def _read_spool(self, places: Places) -> list[StoredEvent]:
        found: list[StoredEvent] = []
        tails = []
        try:
            writers, horizon = list_writers(self._spool)
            tails = [Tail(w, places.get(w.name, Place()), _overlook) for w in writers]
            for record in merge_tails(tails, horizon):
                found += self._lines_of(record)
        except FileNotFoundError:
            # The shipper just deleted what it had shipped; the rest is read at the next look.
            pass
        finally:
            for tail in tails:
                tail.close()
        self._places = {**places, **{tail.writer.name: tail.place for tail in tails}}
        return found

    def _lines_of(self, record: Record) -> Iterator[StoredEvent]:
        if record.stream == self._stream and record.client == self._client:
            for line in record.payload.splitlines():
                yield _stored(line)

    def _read_files(self, limit: int) -> list[StoredEvent]:
        """The newest `limit` lines that were shipped; only as many files are read as it takes."""
        newest_first: list[StoredEvent] = []
        for path in reversed(self._files()):
            lines = deque(self._own_lines(path), maxlen=limit - len(newest_first))
            newest_first += reversed(lines)
            if len(newest_first) >= limit:
                break
        return newest_first[::-1]

    def _files(self) -> list[Path]:
        folder = series_of(self._stream).folder
        return sorted(self._logs.glob(f"{folder}.*/*/*/*/*.log.gz"), key=_file_order)

    def _own_lines(self, path: Path) -> Iterator[StoredEvent]:
        # A quick look before the parse: most lines are other clients'.
        needle = self._client.encode()
        for line in _unpacked(path):
            event = _stored(line) if needle in line else None
            if event and event.tag == self._stream and orjson.loads(event.json)["client"] == self._client:
                yield event


def count_waiting(spool: Path, client: str, limit: int = COUNT_LIMIT) -> Waiting:
    """The client's events in the spool that are not shipped, counted over at most `limit` records."""
    places = stored_places(spool)
    events = size = 0
    for seen, (owner, lines, payload) in enumerate(_headers(list_writers(spool)[0], places)):
        if seen == limit:
            return Waiting(events, size, is_exact=False)
        if owner == client:
            events += lines
            size += payload
    return Waiting(events, size)


def _headers(writers: Iterable[Writer], places: Places) -> Iterator[tuple[str, int, int]]:
    """(client, lines, payload bytes) of the records from `places` on; payloads are not read."""
    for writer in writers:
        place = places.get(writer.name, Place())
        for segment in writer.segments:
            if segment >= place.segment:
                start = place.offset if segment == place.segment else 0
                yield from _segment_headers(writer.folder / segment, start)


def _segment_headers(path: Path, start: int) -> Iterator[tuple[str, int, int]]:
    try:
        reader = SegmentReader(path, start)
    except FileNotFoundError:
        return
    size = reader.size()
    while (header := reader.peek_header()) and reader.offset + header.total_bytes <= size:
        yield reader.client_of(header), header.lines, header.payload_bytes
        reader.advance(reader.offset + header.total_bytes)
    reader.close()


def _unpacked(path: Path) -> list[bytes]:
    try:
        return gzip.decompress(path.read_bytes()).splitlines()
    except (OSError, EOFError, zlib.error):
        # Deleted by retention meanwhile, or not one of ours.
        return []


def _stored(line: bytes) -> StoredEvent:
    at, tag, json = line.decode().split("\t", 2)
    return StoredEvent(at, tag, json)


def _file_order(path: Path) -> tuple[str, int]:
    found = _NUMBER.fullmatch(path.name)
    return (found[1], int(found[2])) if found else (path.name, 0)


def _overlook(_: Damage) -> None:
    """The shipper tells of damage; a look at the events does not."""
