"""JSON text to objects and back, refusing what JSON cannot say.

NaN and Infinity have no JSON form: a bare `NaN` is not JSON and `null` would hide a broken model, so an
answer that holds one is refused with the place at which it stands. Missing values are `None`.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import orjson

from microservice.protocol.errors import InvalidMessageError, UnusableAnswerError

MOST_LETTERS = 100  # after which a text is taken for one of words
OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE


def decode_json(text: bytes | str) -> Any:
    """Return the object that `text` holds; raises InvalidMessageError when it is not JSON in UTF-8."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidMessageError(f"Can't find JSON in data: {error}") from error


def encode_json(value: Any) -> bytes:
    """Return one line of JSON for `value`, which may hold numpy arrays and numbers.

    Raises UnusableAnswerError for NaN, Infinity and objects without a JSON form.
    """
    try:
        text = orjson.dumps(value, default=to_plain, option=OPTIONS)
    except TypeError:
        text = encode_slowly(value)
    # orjson writes NaN as null, so only a text with a null in it needs the walk.
    if holds_null(text):
        check_finite(value, "")
    return text


def holds_null(text: bytes) -> bool:
    """Say whether `null` stands in a text; one of many numbers is searched far faster by one letter."""
    at = text.find(b"l")
    for _ in range(MOST_LETTERS):
        if at < 0:
            return False
        if text[at - 2 : at + 2] == b"null":
            return True
        at = text.find(b"l", at + 1)
    return b"null" in text[max(0, at - 2) :] if at >= 0 else False


def encode_slowly(value: Any) -> bytes:
    """Return JSON text for what orjson refuses: integers over 64 bits, keys that are not text."""
    try:
        check_finite(value, "")
        return json.dumps(value, default=to_plain, allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise UnusableAnswerError(f"The answer cannot be written as JSON: {error}") from error


def to_plain(value: Any) -> Any:
    """Return the Python form of a numpy object that the encoder does not write itself."""
    if isinstance(value, np.ndarray | np.generic) and not np.issubdtype(value.dtype, np.complexfloating):
        plain = value.tolist()
        if not isinstance(plain, np.ndarray | np.generic):
            return plain
    raise TypeError(f"{type(value).__name__} has no JSON form")


def check_finite(value: Any, place: str) -> None:
    """Raise UnusableAnswerError when a NaN or an infinite number stands anywhere below `value`."""
    if isinstance(value, float | np.floating):
        if not math.isfinite(value):
            raise UnusableAnswerError(
                f"The answer holds {value} at {place or '/'}, which JSON cannot express"
            )
    elif isinstance(value, dict):
        for key, below in value.items():
            check_finite(below, f"{place}/{key}")
    elif isinstance(value, list | tuple):
        for index, below in enumerate(value):
            check_finite(below, f"{place}/{index}")
    elif isinstance(value, np.ndarray) and value.dtype.kind in "fO":
        check_finite(value.tolist(), place)
