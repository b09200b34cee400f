"""Large arrays of JSON, cut where values end and read a piece at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
import orjson

from predictions.graphs.converting import breathe

# A text below this is read in a millisecond as it is.
LARGE_TEXT: Final = 131_072
PIECE: Final = 65_536


def write_array(write: Callable[[list[Any]], bytes], values: list[Any] | msgspec.Raw) -> bytes:
    """What `write` makes of `values`, one behind the other where they are text still and taken in pieces."""
    if not isinstance(values, msgspec.Raw):
        return write(values)
    text = bytes(values)
    try:
        return b"".join([write(piece) for piece in _pieces(text)])
    except orjson.JSONDecodeError:
        # A cut fell into a text or an inner array.
        return write(orjson.loads(text))


def _pieces(text: bytes) -> Iterator[list[Any]]:
    """The values of an array in pieces; JSONDecodeError where it was cut within a value.

    A cut within an inner array or a text leaves a bracket or a quote open on its left, which is no JSON.
    """
    end = text.rindex(b"]")
    at = 1
    separator = b"]," if text[1:end].lstrip()[:1] == b"[" else b","
    while at < end:
        stop = text.find(separator, at + PIECE, end)
        stop = end if stop < 0 else stop + len(separator) - 1
        yield orjson.loads(b"[%b]" % text[at:stop])
        at = stop + 1
        breathe()
