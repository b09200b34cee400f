"""A JSON object taken apart at its top level without changing a byte: for the few events that need it."""

from __future__ import annotations

import re
from itertools import accumulate
from json import decoder
from typing import Any, Final, NamedTuple

from events.errors import EventTimestampError

_WHITE: Final = re.compile(r"[ \t\r\n]*")
_INTEGER: Final = re.compile(rb"-?(?:0|[1-9][0-9]*)")
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"')
_OPEN: Final = b"[{"
_CLOSE: Final = b"]}"
_OTHERS: Final = bytes(set(range(256)) - set(_OPEN + _CLOSE))
_STEPS: Final = {**dict.fromkeys(_OPEN, 1), **dict.fromkeys(_CLOSE, -1)}
# Numbers are skipped, not made: a long one would cost quadratic time.
_read_string: Final = decoder.scanstring  # type: ignore[attr-defined]
_SKIP: Final = decoder.JSONDecoder(parse_float=str, parse_int=str)


class Member(NamedTuple):
    """One `"key": value` of an object: the key without its escapes, the bytes as they were sent."""

    key: str
    text: bytes
    value: bytes


def split_members(raw: bytes) -> list[Member]:
    """The members of the object `raw`, valid JSON without white space around, in order, repeated keys too."""
    text = raw.decode()
    members = []
    place = _skip_white(text, 1)
    while text[place] != "}":
        key, end = _read_string(text, place + 1)
        start = _skip_white(text, _skip_white(text, end) + 1)
        _, stop = _SKIP.raw_decode(text, start)
        members.append(Member(key, text[place:stop].encode(), text[start:stop].encode()))
        place = _skip_white(text, stop)
        if text[place] == ",":
            place = _skip_white(text, place + 1)
    return members


def check_timestamps(members: list[Member]) -> None:
    """Raises EventTimestampError unless each `timestamp` is written as a whole number, of any length."""
    for member in members:
        if member.key == "timestamp" and not _INTEGER.fullmatch(member.value):
            raise EventTimestampError


def is_too_deep(raw: bytes, limit: int) -> bool:
    """True when `raw`, valid JSON, is nested deeper than `limit`; the outermost bracket is level 1."""
    if raw.count(b"{") + raw.count(b"[") <= limit:
        return False
    brackets = _STRING.sub(b"", raw).translate(None, _OTHERS)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > limit


def _skip_white(text: str, place: int) -> int:
    found: Any = _WHITE.match(text, place)
    return int(found.end())
