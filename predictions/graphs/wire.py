"""Protobuf's bytes without its messages: the fields of one as slices, and fields written behind each other.

For what is too large to become objects only to become bytes again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError

from predictions.errors import MessageError

VARINT: Final = 0
EIGHT: Final = 1
BYTES: Final = 2
FOUR: Final = 5
_FIXED: Final = {EIGHT: 8, FOUR: 4}
_LONGEST_VARINT: Final = 10


class Field(NamedTuple):
    """One field of a message: from its tag at `start`, its value from `value` to `end`."""

    number: int
    kind: int
    start: int
    value: int
    end: int


class NotPlainError(ValueError):
    """The bytes are no message, or one that only protobuf's own reader takes apart."""


def read_proto(kind: Any, raw: bytes) -> Any:
    """The message of class `kind` in `raw`; MessageError when it is none."""
    try:
        return kind.FromString(raw)
    except DecodeError as error:
        raise MessageError(f"The bytes are no {kind.__name__}: {error}") from None


def fields(raw: bytes, at: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields of the message in `raw`, from `at` to `end`; NotPlainError where they cannot be followed."""
    size = len(raw) if end is None else end
    while at < size:
        tag, value = read_varint(raw, at)
        kind, length = tag & 7, 0
        if kind == BYTES:
            length, value = read_varint(raw, value)
        elif kind == VARINT:
            length = read_varint(raw, value)[1] - value
        elif kind in _FIXED:
            length = _FIXED[kind]
        else:
            raise NotPlainError("The message has a group.")
        if value + length > size or not tag >> 3:
            raise NotPlainError("The message ends within a field.")
        yield Field(tag >> 3, kind, at, value, value + length)
        at = value + length


def read_varint(raw: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, and where it ends; NotPlainError when it does not."""
    found = 0
    for place, byte in enumerate(raw[at : at + _LONGEST_VARINT]):
        found |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return found, at + place + 1
    raise NotPlainError("The message ends within a number.")


def varint(number: int) -> bytes:
    """A whole number that is not negative, in its bytes."""
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def head(number: int, size: int) -> bytes:
    """What stands before `size` bytes that are field `number`."""
    return varint(number << 3 | BYTES) + varint(size)


def field(number: int, value: bytes) -> bytes:
    """`value`, the bytes of a text or a message, as field `number` of another."""
    return head(number, len(value)) + value
