"""Documents as JSON text, and what of them JSON cannot say: NaN and infinite numbers, written as null."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

import orjson

from predictions.graphs.converting import breathe

# So many numbers are written at a time: about a millisecond.
PIECE: Final = 16_384


class Telling:
    """A document with large lists that are written a piece at a time, before it."""

    def __init__(self) -> None:
        self._lost = ""

    def numbers(self, place: str, values: list[Any] | tuple[Any, ...]) -> Any:
        """What stands at `place` in the document for `values`."""
        if len(values) <= PIECE:
            return values
        return self.pieces(place, (values[at : at + PIECE] for at in range(0, len(values), PIECE)))

    def pieces(self, place: str, pieces: Iterable[list[Any] | tuple[Any, ...]]) -> orjson.Fragment:
        """What stands at `place` for a list whose values come in `pieces`."""
        texts, count = [], 0
        for piece in pieces:
            text = orjson.dumps(piece)[1:-1]
            if not self._lost and b"null" in text and (inner := place_of_loss(piece)):
                index, slash, rest = inner[1:].partition("/")
                self._lost = f"{place}/{count + int(index)}{slash}{rest}"
            texts.append(text)
            count += len(piece)
            breathe()
        return orjson.Fragment(b"[%b]" % b",".join(texts))

    def tell(self, document: Any) -> tuple[bytes, str]:
        """The text of `document`, and where its first number stands that JSON has not."""
        text, lost = tell(document)
        return text, lost or self._lost


def tell(document: Any) -> tuple[bytes, str]:
    """The text of `document`, and where its first number stands that JSON has not; empty when none does."""
    text = orjson.dumps(document)
    # Whatever is lost is a null in the text.
    return text, place_of_loss(document) if b"null" in text else ""


def place_of_loss(document: Any) -> str:
    """JSON pointer of the first NaN or infinite number in `document`; empty when there is none."""
    waiting = [("", document)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, float):
            if not math.isfinite(value):
                return place
        elif isinstance(value, dict):
            waiting.extend((f"{place}/{key}", value[key]) for key in reversed(value))
        elif isinstance(value, list | tuple):
            # Most lists are of finite numbers, which one look tells.
            if _is_finite(value):
                continue
            waiting.extend((f"{place}/{index}", value[index]) for index in range(len(value) - 1, -1, -1))
    return ""


def _is_finite(values: list[Any] | tuple[Any, ...]) -> bool:
    if not values or not isinstance(values[0], float):
        return False
    try:
        return math.isfinite(sum(values))
    except TypeError:
        return False
