"""JSON as a msgpack map: exact where msgpack can be, and honest where it cannot.

msgpack has integers of 64 bits, doubles, and maps whose readers keep one value per key. What JSON says
beyond that (longer integers, decimals that no double spells, repeated keys) goes as a string or as the
last of the values, and the record then also carries its whole text in the field `_json`.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final

import msgspec

from events.members import is_too_deep

# The field with the exact text of a record that a map cannot hold exactly.
TEXT_FIELD: Final = "_json"
# Readers written in C and Ruby give up at 128 levels.
DEEPEST: Final = 100
_LEAST: Final = -(2**63)
_MOST: Final = 2**64 - 1
# Every decimal of so few characters is spelled by the double nearest to it.
_SAFE_CHARACTERS: Final = 15


class _InexactError(ValueError):
    """No double stands for this number."""


def _read_float(text: str) -> float:
    value = float(text)
    if len(text) <= _SAFE_CHARACTERS and "e" not in text and "E" not in text:
        return value
    if abs(value) == float("inf") or Decimal(repr(value)) != Decimal(text):
        raise _InexactError
    return value


_decode: Final = msgspec.json.Decoder(float_hook=_read_float).decode
_encode: Final = msgspec.msgpack.Encoder().encode


def pack_json(text: bytes, client: str) -> bytes:
    """The JSON object `text` as a msgpack map; `client` is kept beside a text that is no map at all."""
    objects = text.count(b"{")
    if objects + text.count(b"[") > DEEPEST and is_too_deep(text, DEEPEST):
        return _pack_text(text, client)
    try:
        value = _decode(text)
        keys = len(value) if objects == 1 and type(value) is dict else _count_keys(value)
        if _has_keys(text, keys):
            return _encode(value)
    except (msgspec.DecodeError, OverflowError):
        # A number beyond msgpack's.
        pass
    return _pack_carefully(text, client)


def _has_keys(text: bytes, keys: int) -> bool:
    """True when certainly `text` has no more than `keys` keys, and so none that is repeated in its object.

    Behind each key stands a colon. There are more colons only inside of strings, and these do not follow a
    quote, unless it is escaped; a key's does, unless white space stands between.
    """
    if text.count(b":") == keys:
        return True
    return text.count(b'":') == keys and b'" ' not in text and b'"\t' not in text


def _count_keys(value: Any) -> int:
    if type(value) is dict:
        count = len(value)
        for inner in value.values():
            if type(inner) is dict or type(inner) is list:
                count += _count_keys(inner)
        return count
    count = 0
    for inner in value:
        if type(inner) is dict or type(inner) is list:
            count += _count_keys(inner)
    return count


class _CarefulReader:
    """Reads JSON value by value and notices what a map cannot hold."""

    def __init__(self) -> None:
        self.is_exact = True
        self.decode = json.JSONDecoder(
            parse_int=self._read_int, parse_float=self._read_float, object_pairs_hook=self._read_object
        ).decode

    def _read_int(self, text: str) -> int | str:
        if len(text) <= 20 and _LEAST <= int(text) <= _MOST:
            return int(text)
        self.is_exact = False
        return text

    def _read_float(self, text: str) -> float | str:
        try:
            return _read_float(text)
        except _InexactError:
            self.is_exact = False
            return text

    def _read_object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            self.is_exact = False
        return found


def _pack_carefully(text: bytes, client: str) -> bytes:
    reader = _CarefulReader()
    try:
        value = reader.decode(text.decode())
        if not isinstance(value, dict):
            return _pack_text(text, client)
        if not reader.is_exact:
            value[TEXT_FIELD] = text.decode()
        return _encode(value)
    except ValueError:
        # Half a surrogate pair has no UTF-8, and so no place in a msgpack string.
        return _pack_text(text, client)


def _pack_text(text: bytes, client: str) -> bytes:
    return _encode({"client": client, TEXT_FIELD: text.decode("utf-8", "replace")})
