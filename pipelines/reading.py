"""A client's days read back, line by line: which there are, and the rows of their events."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal

import msgspec

from pipelines.days import MODELS, Day, date_of, day_number, is_client_name
from pipelines.errors import ClientNameError, FileFaultError, FileUnreadableError
from pipelines.inflating import inflate
from pipelines.lines import LineBlocks, json_of
from pipelines.places import Place, default_place
from pipelines.storage.base import File, Store, is_work

Kind = Literal["events", "actions"]
Row = dict[str, Any]

CHUNK_ROWS: Final = 100_000
# As we write a day, and as history may lie that was put there by hand.
_BY_NUMBER: Final = re.compile(r"(\d{1,7})/[^/]+\Z")
_BY_DATE: Final = re.compile(r"(\d{4})/(\d{2})/(\d{2})/.+\Z")
_OBJECT: Final = msgspec.json.Decoder(dict[str, Any])


@dataclass(slots=True)
class DayCount:
    """A client's day: its files, bytes and events, and what is wrong with which file."""

    day: int
    date: date
    files: int
    bytes: int
    events: int = 0
    bad_lines: int = 0
    faults: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Selection:
    """What is read: a client's `days`, in either layout; `columns` None for every key."""

    client: str
    days: Day | Iterable[Day]
    columns: Sequence[str] | None = None
    kind: Kind = "events"
    place: Place | None = None

    def files(self) -> tuple[Store, list[File]]:
        """Where they lie, and the files by day and name."""
        store = (self.place or default_place()).open()
        there = days_of(store, self.client, self.kind)
        asked = [self.days] if isinstance(self.days, str | int | date) else self.days
        wanted = sorted({day_number(day) for day in asked})
        return store, [file for day in wanted for file in there.get(day, ())]

    def rows(self, chunk_rows: int = CHUNK_ROWS) -> Iterator[list[Row]]:
        """The events in lists of at most `chunk_rows`; a line that is no event is left out with a warning."""
        store, files = self.files()
        decode = _decoder(self.columns)
        rows: list[Row] = []
        for file in files:
            for found in _rows_of(store, file, decode):
                rows += found
                while len(rows) >= chunk_rows:
                    yield rows[:chunk_rows]
                    del rows[:chunk_rows]
        if rows:
            yield rows


def days_of(store: Store, client: str, kind: Kind = "events") -> dict[int, list[File]]:
    """The files of each day that `client` has, in either layout, oldest day first."""
    if not is_client_name(client):
        raise ClientNameError(client)
    folder = f"{MODELS}/{client}/{kind}"
    found: dict[int, list[File]] = {}
    for file in store.files(folder):
        place = file.path.removeprefix(f"{folder}/")
        day = None if any(map(is_work, place.split("/"))) else _day_of(place)
        if day is not None:
            found.setdefault(day, []).append(file)
    return dict(sorted(found.items()))


def count_days(client: str, *, kind: Kind = "events", place: Place | None = None) -> list[DayCount]:
    """Every day that `client` has, counted."""
    store = (place or default_place()).open()
    return [_count(store, day, files) for day, files in days_of(store, client, kind).items()]


def _day_of(place: str) -> int | None:
    if dated := _BY_DATE.match(place):
        try:
            return day_number(date(*map(int, dated.groups())))
        except ValueError:
            return None
    numbered = _BY_NUMBER.match(place)
    return int(numbered[1]) if numbered else None


def _count(store: Store, day: int, files: list[File]) -> DayCount:
    count = DayCount(day, date_of(day), len(files), sum(file.size for file in files))
    for file in files:
        try:
            for lines in _lines_of(store, file):
                bad = sum(json_of(line) is None for line in lines)
                count.bad_lines += bad
                count.events += len(lines) - bad
        except FileUnreadableError as error:
            count.faults[file.path] = error.reason
    return count


def _rows_of(store: Store, file: File, decode: Callable[[bytes], Row]) -> Iterator[list[Row]]:
    bad = 0
    for lines in _lines_of(store, file):
        rows = []
        for line in lines:
            try:
                rows.append(decode(json_of(line) or b""))
            except (ValueError, RecursionError):
                bad += 1
        yield rows
    if bad:
        warnings.warn(f"{bad} lines of {file.path} are no events and were left out", stacklevel=2)


def _lines_of(store: Store, file: File) -> Iterator[list[bytes]]:
    """The lines that hold something, in lists."""
    try:
        for block in LineBlocks(inflate(store.blocks(file)), lambda _: None):
            yield [line for line in block.split(b"\n") if line and not line.isspace()]
    except FileFaultError as error:
        raise FileUnreadableError(file.path, str(error)) from error


def _decoder(columns: Sequence[str] | None) -> Callable[[bytes], Row]:
    """What makes a row of a JSON text; of `columns` alone, so that nothing else takes memory."""
    if columns is None:
        return _object
    # Numbered, since a key may be no Python name.
    names = {f"c{place}": column for place, column in enumerate(columns)}
    form = msgspec.defstruct("Row", [(name, Any, None) for name in names], rename=names)
    decoder = msgspec.json.Decoder(form)

    def decode(text: bytes) -> Row:
        try:
            row = decoder.decode(text)
        except msgspec.ValidationError:
            found = _object(text)
            return {column: found.get(column) for column in columns}
        return {column: getattr(row, name) for name, column in names.items()}

    return decode


def _object(text: bytes) -> Row:
    try:
        return _OBJECT.decode(text)
    except msgspec.ValidationError:
        # A number beyond a double is as good as infinite.
        found = json.loads(text)
        if not isinstance(found, dict):
            raise
        return found
