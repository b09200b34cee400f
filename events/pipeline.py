"""From the bytes of a request to the events that are kept: parse, stamp, drop with a reason.

What a client sent is kept byte for byte. orjson decides what is JSON (strict: UTF-8, no NaN, no lone
surrogate, no number beyond a double's range); the kept text is a slice of the body, cut by msgspec, with
`client` and `timestamp` put before the closing brace. Line breaks, which strict JSON allows only between
tokens, become blanks.
"""

from __future__ import annotations

from typing import Any, Final

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
_NAMES: Final = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
}


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
        raise EventMalformedError(str(error)) from error


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


def read_array(body: bytes, rows: list[Any], stamp: Stamp, limits: EventLimits) -> Batch:
    """The batch that the array `body`, whose value is `rows`, holds."""
    if len(rows) > limits.max_batch:
        raise BatchTooLargeError(len(rows), limits.max_batch)
    body = flatten(body.strip(_WHITE))
    batch = _split_plain(body, rows, stamp) if _is_plain(body, rows, limits) else None
    if batch is not None:
        return batch
    return _stamp_each(list(map(bytes, _SLICES.decode(body))), rows, stamp, limits)


def read_lines(body: bytes, stamp: Stamp, limits: EventLimits) -> Batch:
    """The batch of newline-delimited JSON: blank lines are no rows, what is not JSON is a rejected row."""
    lines = [line for part in body.split(b"\n") if (line := part.strip(_WHITE))]
    if len(lines) > limits.max_batch:
        raise BatchTooLargeError(len(lines), limits.max_batch)
    joined = flatten(b"[%b]" % b",".join(lines))
    try:
        rows = orjson.loads(joined)
    except orjson.JSONDecodeError:
        return _read_each(lines, stamp, limits)
    # One line may hold `{},{}` and another half a row. Where every line begins a row and there are as
    # many braces as lines, the rows are the lines.
    starts = {line[0] for line in lines}
    if len(rows) == len(lines) and starts == {ord("{")} and _is_plain(joined, rows, limits):
        return _split_plain(joined, rows, stamp) or _read_each(lines, stamp, limits)
    return _read_each(lines, stamp, limits)


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


def _is_plain(body: bytes, rows: list[Any], limits: EventLimits) -> bool:
    """True when the rows are flat objects, the only braces are theirs, and all need the same stamp.

    There are as many `{` as rows and each row is an object: so none holds another, nor a brace in a string.
    """
    if body.count(b"{") != len(rows) or set(map(type, rows)) != {dict} or not all(rows):
        return False
    # In a flat object only brackets can nest.
    if body.count(b"[") > limits.max_depth or [row for row in rows if "client" in row]:
        return False
    stamps = [row["timestamp"] for row in rows if "timestamp" in row]
    if not stamps:
        return True
    # In all rows or in none; as many keys as occurrences and none in disguise, so none is there twice.
    is_once = len(stamps) == len(rows) == body.count(b"timestamp") and b"\\u" not in body
    return is_once and set(map(type, stamps)) == {int}


def _split_plain(body: bytes, rows: list[Any], stamp: Stamp) -> Batch | None:
    """The batch of plain rows, cut where one ends and the next begins; None when blanks stand there."""
    inner = body[2:-2].split(b"},{")
    if len(inner) != len(rows) or body[:2] != b"[{" or body[-2:] != b"}]":
        return None
    tail = stamp.short if "timestamp" in rows[0] else stamp.full
    return Batch(inner, ends=(b"{", b"," + tail))


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
