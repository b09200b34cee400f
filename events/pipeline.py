"""From the bytes of a request to the events that are kept: parse, stamp, drop with a reason.

What a client sent is kept byte for byte: the kept text is a slice of the body, with `client` and
`timestamp` put before the closing brace. JSON is strict: UTF-8, no NaN, no lone surrogate; numbers of any
size are kept as they are. Line breaks, which strict JSON allows only between tokens, become blanks.

orjson makes the values of an event that is looked at. A batch of plain rows is not looked at one by one:
msgspec checks the same grammar without making values. A test holds the two against each other.
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal

import msgspec
import orjson

from common.errors import InvalidJsonError
from events.errors import BatchTooLargeError, EventMalformedError, EventNotObjectError, EventTooDeepError
from events.members import (
    check_timestamps,
    is_too_deep,
    split_members,
)
from events.records import Batch, EventLimits, Rejection

_WHITE: Final = b" \t\r\n"
_FLAT: Final = bytes.maketrans(b"\r\n", b"  ")
_SLICES: Final = msgspec.json.Decoder(list[msgspec.Raw])
_WHOLE: Final = msgspec.json.Decoder(msgspec.Raw)
_NAMES: Final = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
}


# No text that a plain batch may hold is this one, for it would have to be written with an escape.
_Never = Literal["\0"]


class _BareRow(msgspec.Struct, gc=False):
    """An event that names neither client nor time; a row that does is no such row."""

    client: _Never | msgspec.UnsetType = msgspec.UNSET
    timestamp: _Never | msgspec.UnsetType = msgspec.UNSET


class _TimedRow(msgspec.Struct, gc=False):
    """An event that names its own time, and no client."""

    timestamp: int
    client: _Never | msgspec.UnsetType = msgspec.UNSET


_BARE_ROWS: Final = msgspec.json.Decoder(list[_BareRow])
_TIMED_ROWS: Final = msgspec.json.Decoder(list[_TimedRow])


class Stamp:
    """What is put before an event's closing brace."""

    __slots__ = ("client", "full", "short")

    def __init__(self, client: str, unix_seconds: int) -> None:
        # Client names are plain (checked when a client is made), so no escaping is needed.
        self.client = client
        self.short = b'"client":"%b"}' % client.encode()
        self.full = b'"client":"%b","timestamp":%d}' % (client.encode(), unix_seconds)


def parse(body: bytes) -> Any:
    """The value that `body` is; EventMalformedError when it is not strict JSON."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if _is_strict(body):
            # Only a number too large for a double is left; as text it is as good to look at.
            return json.loads(body, parse_int=str, parse_float=str)
        raise EventMalformedError(_place_of_bad_byte(body) or str(error)) from error


def _place_of_bad_byte(body: bytes) -> str:
    """What is not UTF-8, and where; empty when all is. orjson names the first character instead."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start} (0x{body[error.start]:02x}) is not UTF-8"
    return ""


def _is_strict(body: bytes) -> bool:
    try:
        body.decode()
        _WHOLE.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def stamp_event(body: bytes, parsed: Any, stamp: Stamp, limits: EventLimits) -> bytes:
    """The event `body`, whose value is `parsed`, as it is kept; raises a leaf of InvalidJsonError."""
    if type(parsed) is not dict:
        raise EventNotObjectError(_NAMES[type(parsed)])
    raw = flatten(body.strip(_WHITE))
    if is_too_deep(raw, limits.max_depth):
        raise EventTooDeepError(limits.max_depth)
    return _stamp(raw, parsed, stamp)


def stamp_fields(body: bytes, stamp: Stamp) -> bytes:
    """The event made of the strings that the object `body` holds; its timestamp stays a string."""
    fields = parse(body)
    tail = stamp.short if "timestamp" in fields else stamp.full
    return body[:-1] + b"," + tail if fields else b"{" + tail


def read_array(body: bytes, stamp: Stamp, limits: EventLimits) -> Batch:
    """The batch that the array `body` holds."""
    body = body.strip(_WHITE)
    batch = _read_plain(body, stamp, limits)
    if batch is not None:
        return batch
    rows = parse(body)
    _check_size(len(rows), limits)
    return _stamp_each(list(map(bytes, _SLICES.decode(body))), rows, stamp, limits)


def read_lines(body: bytes, stamp: Stamp, limits: EventLimits) -> Batch:
    """The batch of newline-delimited JSON: blank lines are no rows, what is not JSON is a rejected row."""
    lines = [line for part in body.split(b"\n") if (line := part.strip(_WHITE))]
    _check_size(len(lines), limits)
    # One line may hold `{},{}` and another half a row. Where every line begins a row and there are as
    # many braces as lines, the rows are the lines.
    if {line[0] for line in lines} == {ord("{")}:
        batch = _read_plain(b"[%b]" % b",".join(lines), stamp, limits)
        if batch is not None and len(batch.objects) == len(lines):
            return batch
    return _read_each(lines, stamp, limits)


def _check_size(rows: int, limits: EventLimits) -> None:
    if rows > limits.max_batch:
        raise BatchTooLargeError(rows, limits.max_batch)


def flatten(raw: bytes) -> bytes:
    """`raw`, valid JSON, on one line."""
    return raw.translate(_FLAT) if b"\n" in raw or b"\r" in raw else raw


def _read_each(lines: list[bytes], stamp: Stamp, limits: EventLimits) -> Batch:
    batch = Batch()
    for index, line in enumerate(lines):
        try:
            batch.objects.append(stamp_event(line, parse(line), stamp, limits))
        except InvalidJsonError as error:
            batch.rejections.append(Rejection(index, error))
    return batch


def _stamp_each(slices: list[bytes], rows: list[Any], stamp: Stamp, limits: EventLimits) -> Batch:
    batch = Batch()
    for index, (raw, row) in enumerate(zip(slices, rows, strict=True)):
        try:
            batch.objects.append(stamp_event(raw, row, stamp, limits))
        except InvalidJsonError as error:
            batch.rejections.append(Rejection(index, error))
    return batch


def _read_plain(body: bytes, stamp: Stamp, limits: EventLimits) -> Batch | None:
    """The batch when all rows are flat objects that need the same stamp; None when each must be looked at.

    Each row is an object. With what stands between rows taken out, no `{` is left: so no row holds another
    object nor a brace in a string, and `},{"` stands between rows and nowhere else. The quote shows that
    no row is empty.
    """
    # A byte is found, or not, ten times as fast as it is counted or a pair is found.
    if b"\n" in body or b"\r" in body or (b"\\" in body and b"\\u" in body):
        return None
    # In a flat object only brackets can nest.
    if body.find(b"[", 1) >= 0 and body.count(b"[") > limits.max_depth:
        return None
    read = _read_rows(body, stamp)
    if read is None:
        return None
    rows, tail = read
    _check_size(rows, limits)
    if body[:3] != b'[{"' or body[-2:] != b"}]":
        return None
    # As most languages write it, and as Python's json does.
    for between in (b'},{"', b'}, {"'):
        inner = body[3:-2].split(between)
        if len(inner) == rows:
            together = b"".join(inner)
            is_flat = b"{" not in together
            return Batch(inner, [], (b'{"', b"," + tail), len(together)) if is_flat else None
    return None


def _read_rows(body: bytes, stamp: Stamp) -> tuple[int, bytes] | None:
    """How many rows `body` has and the stamp that fits each; None when there is no such stamp."""
    try:
        body.decode()
        try:
            return len(_BARE_ROWS.decode(body)), stamp.full
        except msgspec.ValidationError:
            rows = len(_TIMED_ROWS.decode(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    # As many keys as occurrences, so no row has two.
    return (rows, stamp.short) if rows == body.count(b"timestamp") else None


def _stamp(raw: bytes, parsed: dict[str, Any], stamp: Stamp) -> bytes:
    if "client" in parsed:
        return _stamp_anew(raw, parsed, stamp)
    tail = stamp.full
    if "timestamp" in parsed:
        # A key may occur twice or be written with escapes: then each is looked at.
        is_once = raw.count(b"timestamp") == 1 and b"\\u" not in raw
        if not is_once or type(parsed["timestamp"]) is not int:
            check_timestamps(split_members(raw))
        tail = stamp.short
    return raw[:-1] + b"," + tail if parsed else b"{" + tail


def _stamp_anew(raw: bytes, parsed: dict[str, Any], stamp: Stamp) -> bytes:
    """The event without any `client` of its own, however often and however written it was there."""
    members = [member for member in split_members(raw) if member.key != "client"]
    check_timestamps(members)
    tail = stamp.short if "timestamp" in parsed else stamp.full
    return b"{" + b"".join(member.text + b"," for member in members) + tail
