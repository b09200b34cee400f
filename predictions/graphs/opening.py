"""A body opened at its top level: checked to be JSON, its parts left unread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
import orjson

from predictions.errors import MicroserviceGarbageError

Top = TypeVar("Top")
Parts = dict[str, msgspec.Raw]
open_parts: Final = msgspec.json.Decoder(Parts).decode


def open_body(decode: Callable[[bytes], Top], body: bytes) -> Top:
    """What `decode` of msgspec makes of `body`; ValueError says why it is no JSON of that form."""
    try:
        # msgspec takes bytes of strings as they are.
        if not body.isascii():
            body.decode()
        return decode(body)
    except RecursionError:
        raise ValueError("nested too deep") from None
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None


def open_answer(decode: Callable[[bytes], Top], unit: str, body: bytes) -> Top:
    """The same of what `unit` answered; MicroserviceGarbageError names it."""
    try:
        return open_body(decode, body)
    except ValueError as error:
        raise MicroserviceGarbageError(unit, str(error)) from None


def renamed(parts: Parts, names: dict[str, str]) -> bytes:
    """The body of `parts` with some called otherwise, and everything else as it is written."""
    written = (b"%b:%b" % (orjson.dumps(names.get(key, key)), bytes(value)) for key, value in parts.items())
    return b"{%b}" % b",".join(written)
