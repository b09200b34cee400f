"""The table of a SeldonMessage's data, `tensor` or `ndarray`, apart from the rest of the message.

A message of many numbers is the same as a small one but for its table, which is taken out of it, read or
written in pieces, and put back.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Iterator, Set
from typing import Any, Final, NamedTuple

import msgspec
import orjson

from microservice.protocol import prediction_pb2 as pb
from predictions.errors import MessageError
from predictions.graphs.converting import breathe
from predictions.graphs.lists import read_list, write_list
from predictions.graphs.pieces import LARGE_TEXT, write_array
from predictions.graphs.telling import Telling
from predictions.graphs.wire import BYTES, Field, NotPlainError, field, fields, read_proto

Json = dict[str, Any]
_DATA: Final = 3
_TENSOR: Final = 2
_NDARRAY: Final = 3
_VALUES: Final = 2
_PAYLOADS: Final = frozenset(range(_DATA, 8))
_TABLES: Final = frozenset({_TENSOR, _NDARRAY, 4})
# Below it protobuf reads the message as fast.
_LARGE_BYTES: Final = 4096
_NUMBERS_AT_ONCE: Final = 65_536
_open_parts: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


# -- from JSON to protobuf -------------------------------------------------------------------------


def open_json(body: bytes) -> Json:
    """The document in `body`; the array of numbers in its data is text still where it is large."""
    if len(body) < LARGE_TEXT:
        return _object(orjson.loads(body))
    try:
        parts: dict[str, Any] = {**_open_parts(body)}
        if "data" in parts:
            parts["data"] = _open_data(parts["data"])
        return {key: _loads(each) if type(each) is msgspec.Raw else each for key, each in parts.items()}
    except (msgspec.MsgspecError, RecursionError):
        # Of another form than a message has: whoever reads it says what is wrong.
        return _object(orjson.loads(body))


def _object(document: Any) -> Json:
    if not isinstance(document, dict):
        raise MessageError("The message cannot be written as protobuf: it is not an object.")
    return document


def _open_data(text: msgspec.Raw) -> Json:
    data: dict[str, Any] = {**_open_parts(text)}
    found = {key: _loads(each) for key, each in data.items() if key not in ("tensor", "ndarray")}
    if "tensor" in data:
        tensor: dict[str, Any] = {**_open_parts(data["tensor"])}
        found["tensor"] = {key: _text_or_value(each, key == "values") for key, each in tensor.items()}
    if "ndarray" in data:
        found["ndarray"] = _text_or_value(data["ndarray"], True)
    return found


def _text_or_value(text: msgspec.Raw, may_stay: bool) -> Any:
    is_array = bytes(memoryview(text)[:1]) == b"["
    return text if may_stay and is_array else _loads(text)


def _loads(text: msgspec.Raw) -> Any:
    return orjson.loads(bytes(text))


def is_quick(data: Json) -> bool:
    """Whether there is a table that is written without protobuf's own, slow reader of JSON."""
    tensor = data.get("tensor")
    is_list = isinstance(data.get("ndarray"), list | msgspec.Raw)
    return is_list or (isinstance(tensor, dict) and "tftensor" not in data)


def write(data: Json) -> bytes:
    """The bytes of the DefaultData that `data` says; ValueError or TypeError when it cannot be one."""
    names = pb.DefaultData(names=[str(name) for name in data.get("names") or ()]).SerializeToString()
    tensor = data.get("tensor")
    if isinstance(tensor, dict):
        shape = pb.Tensor(shape=tensor.get("shape") or ()).SerializeToString()
        values = write_array(_pack, tensor.get("values") or [])
        return bytes(names + field(_TENSOR, shape + (field(_VALUES, values) if values else b"")))
    return bytes(names + field(_NDARRAY, write_array(write_list, data["ndarray"])))


def _pack(numbers: list[Any]) -> bytes:
    try:
        return struct.pack(f"<{len(numbers)}d", *numbers)
    except struct.error:
        raise ValueError("the values of a tensor are numbers") from None


# -- from protobuf to JSON -------------------------------------------------------------------------


class Table(ABC):
    """The large part of a message, unread."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    @abstractmethod
    def tell(self, data: Json, telling: Telling) -> Json:
        """`data`, which lacks it, with the table as text."""

    @abstractmethod
    def fill(self, data: Json) -> Json:
        """`data`, which lacks it, with the table as lists."""

    @abstractmethod
    def check(self) -> None:
        """Raises MessageError when it cannot be read."""


class Tensor(Table):
    """Doubles behind each other."""

    def tell(self, data: Json, telling: Telling) -> Json:
        pieces = telling.pieces("/data/tensor/values", self._pieces())
        return {**data, "tensor": {**data["tensor"], "values": pieces}}

    def fill(self, data: Json) -> Json:
        values = [value for piece in self._pieces() for value in piece]
        return {**data, "tensor": {**data["tensor"], "values": values}}

    def check(self) -> None:
        """Any eight bytes are a number."""

    def _pieces(self) -> Iterator[tuple[float, ...]]:
        for at in range(0, len(self._raw), _NUMBERS_AT_ONCE):
            piece = self._raw[at : at + _NUMBERS_AT_ONCE]
            yield struct.unpack(f"<{len(piece) // 8}d", piece)


class NdArray(Table):
    """The bytes of a ListValue."""

    def tell(self, data: Json, telling: Telling) -> Json:
        return {**data, "ndarray": telling.pieces("/data/ndarray", read_list(self._raw))}

    def fill(self, data: Json) -> Json:
        return {**data, "ndarray": [row for piece in read_list(self._raw) for row in piece]}

    def check(self) -> None:
        for _ in read_list(self._raw):
            breathe()


class _Place(NamedTuple):
    """Where a table stands: the field that is the data, the one in it, and the bytes that are numbers."""

    data: Field
    table: Field
    start: int
    begin: int
    end: int


def open_proto(raw: bytes) -> tuple[Any, Table | None]:
    """The SeldonMessage in `raw` without its table where that is large, and the table.

    MessageError when it is none; the table has been looked into only by whoever reads it.
    """
    try:
        found = _find(raw) if len(raw) >= _LARGE_BYTES else None
    except NotPlainError:
        found = None
    if found is None:
        return read_proto(pb.SeldonMessage, raw), None
    data, table = found.data, found.table
    rest = field(table.number, raw[table.value : found.start] + raw[found.end : table.end])
    own = field(_DATA, raw[data.value : table.start] + rest + raw[table.end : data.end])
    light = read_proto(pb.SeldonMessage, raw[: data.start] + own + raw[data.end :])
    kind = NdArray if table.number == _NDARRAY else Tensor
    return light, kind(raw[found.begin : found.end])


def _find(raw: bytes) -> _Place | None:
    """Where the table stands; None where there is none, or protobuf has to put it together."""
    data = _only(raw, None, _PAYLOADS, {_DATA})
    table = data and _only(raw, data, _TABLES, {_TENSOR, _NDARRAY})
    if not data or not table:
        return None
    if table.number == _NDARRAY:
        return _Place(data, table, table.value, table.value, table.end)
    values = _only(raw, table, {_VALUES}, {_VALUES})
    if values is None or (values.end - values.value) % 8:
        return None
    return _Place(data, table, values.start, values.value, values.end)


def _only(raw: bytes, within: Field | None, among: Set[int], wanted: Set[int]) -> Field | None:
    """The field that alone is one of those `among`, when it is `wanted` and of bytes; None otherwise."""
    inside = fields(raw) if within is None else fields(raw, within.value, within.end)
    found = [each for each in inside if each.number in among]
    is_it = len(found) == 1 and found[0].number in wanted and found[0].kind == BYTES
    return found[0] if is_it else None
