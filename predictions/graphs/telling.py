"""Documents as JSON text, and what of them JSON cannot say: NaN and infinite numbers, written as null."""

from __future__ import annotations

import math
from typing import Any

import orjson


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
