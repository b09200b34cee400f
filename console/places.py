"""Where in a JSON text something stands: from a JSON pointer, or a parser's words, to line and column."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_DECODER: Final = json.JSONDecoder(strict=False)
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_SCALAR: Final = re.compile(r"[^\s,\]}]+")
_SAID: Final = re.compile(r"line (\d+) column (\d+)")


@dataclass(frozen=True, slots=True)
class Place:
    """A line and column, both from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class ExcerptLine:
    """A line of text with its number; `column` is 0 except on the line that is meant."""

    number: int
    text: str
    column: int


def place_in(text: str, pointer: str, reason: str) -> Place | None:
    """The place that `pointer` (RFC 6901) names in `text`, or a parser's `reason` tells; None if neither."""
    said = _SAID.search(reason)
    if said:
        return Place(int(said[1]), int(said[2]))
    if not pointer:
        return None
    offset = _offset_of(text, [_unescape(step) for step in pointer.split("/")[1:]])
    if offset is None:
        return None
    before = text[:offset]
    return Place(before.count("\n") + 1, offset - before.rfind("\n"))


def excerpt(text: str, place: Place, around: int = 2) -> tuple[ExcerptLine, ...]:
    """The line at `place` and a few before and after it."""
    lines = text.splitlines() or [""]
    line = min(place.line, len(lines))
    first, last = max(1, line - around), min(len(lines), line + around)
    return tuple(
        ExcerptLine(number, lines[number - 1][:400], place.column if number == line else 0)
        for number in range(first, last + 1)
    )


def _unescape(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")


def _offset_of(text: str, steps: list[str]) -> int | None:
    """Where the value begins that `steps` lead to; the deepest one that can be found."""
    try:
        offset = _after_space(text, 0)
        for step in steps:
            found = next((start for name, start in _children(text, offset) if name == step), None)
            if found is None:
                return offset
            offset = found
    except (ValueError, IndexError, RecursionError):
        return None
    return offset


def _children(text: str, offset: int) -> Iterator[tuple[str, int]]:
    """Name, or index, and beginning of each value directly inside the one at `offset`."""
    kind = text[offset]
    if kind not in "{[":
        return
    offset, index = _after_space(text, offset + 1), 0
    while text[offset] not in "}]":
        name = str(index)
        if kind == "{":
            name, offset = _DECODER.raw_decode(text, offset)
            offset = _after_space(text, _after_space(text, offset) + 1)
        yield name, offset
        offset, index = _after_space(text, _end_of(text, offset)), index + 1
        if text[offset] == ",":
            offset = _after_space(text, offset + 1)


def _end_of(text: str, offset: int) -> int:
    """Where the value at `offset` ends."""
    scalar = _SCALAR.match(text, offset)
    if text[offset] in '{["' or scalar is None:
        end: int = _DECODER.raw_decode(text, offset)[1]
        return end
    return scalar.end()


def _after_space(text: str, offset: int) -> int:
    found = _SPACE.match(text, offset)
    return found.end() if found else offset
