"""Lists of `google.protobuf.ListValue` between Python's and their bytes, in pieces.

Protobuf makes an object of every cell, at microseconds each. Numbers are written alike, eleven bytes a cell,
so that rows of them are read and written a piece at a time; whatever else stands in a list goes cell by cell.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from google.protobuf import json_format, struct_pb2
from google.protobuf.message import DecodeError

from predictions.errors import MessageError
from predictions.graphs.wire import NotPlainError, field, head, read_varint

# A reader of protobuf takes a hundred levels: a list in JSON is two of them, an object three.
DEEPEST_LISTS: Final = 45
DEEPEST: Final = 64
PIECE_BYTES: Final = 65_536
_NUMBERS: Final = frozenset({int, float})
# Field 1 of a ListValue, nine bytes long: a Value whose number (field 2) is the eight bytes that follow.
_CELL: Final = b"\n\t\x11"
_CELL_BYTES: Final = 11
_LIST: Final = 0x32
_WIDE: Final = 64
# Lists in lists are taken apart one by one to this depth, and by protobuf where they are small.
_DEEP: Final = 6
_SMALL_BYTES: Final = 512


# -- writing ---------------------------------------------------------------------------------------


def write_list(values: list[Any], depth: int = 1) -> bytes:
    """The bytes of the ListValue of `values`; ValueError when they cannot be one."""
    if depth > DEEPEST_LISTS:
        raise ValueError(f"its lists are more than {DEEPEST_LISTS} deep")
    kinds = set(map(type, values))
    if kinds <= _NUMBERS:
        return _write_cells(values)
    if kinds == {list} and depth < DEEPEST_LISTS:
        flat = list(chain.from_iterable(values))
        if set(map(type, flat)) <= _NUMBERS:
            return _write_rows(values, _write_cells(flat))
    return b"".join([_write_value(value, depth) for value in values])


def _write_cells(numbers: list[float]) -> bytes:
    count = len(numbers)
    packed = struct.pack(f"<{count}d", *numbers)
    cells = bytearray((_CELL + bytes(8)) * count)
    for place in range(8):
        cells[3 + place :: _CELL_BYTES] = packed[place::8]
    return bytes(cells)


def _write_rows(rows: list[list[float]], cells: bytes) -> bytes:
    found: list[bytes] = []
    at = 0
    for row in rows:
        size = len(row) * _CELL_BYTES
        found += (_row_head(size), cells[at : at + size])
        at += size
    return b"".join(found)


@lru_cache(maxsize=1024)
def _row_head(size: int) -> bytes:
    """What stands before a row of `size` bytes: field 1 of a list, a Value whose list (field 6) they are."""
    inner = head(6, size)
    return head(1, len(inner) + size) + inner


def _write_value(value: Any, depth: int) -> bytes:
    kind = type(value)
    if kind in _NUMBERS:
        return _write_cells([value])
    if kind is str:
        said = field(3, value.encode())
    elif kind is list:
        said = field(6, write_list(value, depth + 1))
    elif kind is bool:
        said = b"\x20\x01" if value else b"\x20\x00"
    elif value is None:
        said = b"\x08\x00"
    else:
        found = struct_pb2.Value()
        json_format.ParseDict(value, found, max_recursion_depth=DEEPEST - 2 * depth)
        said = found.SerializeToString()
    return field(1, said)


# -- reading ---------------------------------------------------------------------------------------


def read_list(raw: bytes, depth: int = 1) -> Iterator[list[Any]]:
    """The values of the ListValue in `raw`, some at a time; MessageError when it is none."""
    at, size = 0, len(raw)
    while at < size:
        at, values = _read_alike(raw, at) or _read_inner(raw, at, depth) or _read_any(raw, at)
        yield values


def _read_alike(raw: bytes, at: int) -> tuple[int, list[Any]] | None:
    """Where numbers, or rows of as many numbers each, end that begin at `at`, and they; None for others."""
    if raw.startswith(_CELL, at):
        begin, period = at, _CELL_BYTES
    else:
        begin, end = _list_at(raw, at)
        period = end - at
        if not raw.startswith(_CELL, begin) or begin == end or (end - begin) % _CELL_BYTES:
            return None
    count = min(max(PIECE_BYTES // period, 1), (len(raw) - at) // period)
    block = raw[at : at + count * period]
    values = _read_cells(block) if begin == at else _read_rows(block, begin - at, period)
    return (at + len(block), values) if values else None


def _list_at(raw: bytes, at: int) -> tuple[int, int]:
    """Where the inside of the list begins and ends that alone is the value at `at`; else nothing there."""
    try:
        size, value = read_varint(raw, at + 1)
        inner, begin = read_varint(raw, value + 1)
    except NotPlainError:
        return at, at
    is_list = raw[at] == _CELL[0] and raw[value] == _LIST and begin + inner == value + size <= len(raw)
    return (begin, begin + inner) if is_list else (at, at)


def _read_inner(raw: bytes, at: int, depth: int) -> tuple[int, list[Any]] | None:
    """Where a large list ends that is the value at `at`, and it alone; None for anything else."""
    begin, end = _list_at(raw, at)
    if end - begin < _SMALL_BYTES or depth >= _DEEP:
        return None
    return end, [list(chain.from_iterable(read_list(raw[begin:end], depth + 1)))]


def _read_rows(block: bytes, begin: int, period: int) -> list[Any] | None:
    width = (period - begin) // _CELL_BYTES
    if width >= _WIDE:
        rows = [
            _read_cells(block[at + begin : at + period])
            for at in range(0, len(block), period)
            if block.startswith(block[:begin], at)
        ]
        return None if None in rows or len(rows) * period != len(block) else rows
    count = len(block) // period
    fixed = [*range(begin), *(begin + cell * _CELL_BYTES + at for cell in range(width) for at in range(3))]
    if any(block[at::period] != block[at : at + 1] * count for at in fixed):
        return None
    # What is the same in each row is right in all when it is in the first.
    if any(not block.startswith(_CELL, begin + cell * _CELL_BYTES) for cell in range(width)):
        return None
    return list(map(list, _row_form(begin, width).iter_unpack(block)))


@lru_cache(maxsize=256)
def _row_form(begin: int, width: int) -> struct.Struct:
    return struct.Struct(f"<{begin}x" + "3xd" * width)


def _read_cells(block: bytes) -> list[Any] | None:
    count, rest = divmod(len(block), _CELL_BYTES)
    if rest or any(block[at::_CELL_BYTES] != _CELL[at : at + 1] * count for at in range(3)):
        return None
    packed = bytearray(8 * count)
    for place in range(8):
        packed[place::8] = block[3 + place :: _CELL_BYTES]
    return list(struct.unpack(f"<{count}d", packed))


def _read_any(raw: bytes, at: int) -> tuple[int, list[Any]]:
    """Where a piece of whole values ends that begins at `at`, and the values."""
    end = at
    try:
        while end < len(raw) and end - at < PIECE_BYTES // 4:
            length, value = read_varint(raw, end + 1)
            # Fields that a list does not have are for protobuf to pass over.
            end = value + length if raw[end] == _CELL[0] else len(raw)
        found = struct_pb2.ListValue.FromString(raw[at:end])
    except (DecodeError, NotPlainError) as error:
        raise MessageError(f"The list cannot be read: {error}") from None
    return min(end, len(raw)), [read_value(value) for value in found.values]


def read_value(value: Any) -> Any:
    """What a `google.protobuf.Value` holds."""
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        return value.number_value
    if kind == "list_value":
        return [read_value(each) for each in value.list_value.values]
    if kind == "struct_value":
        return {key: read_value(each) for key, each in value.struct_value.fields.items()}
    return None if kind in (None, "null_value") else getattr(value, kind)
