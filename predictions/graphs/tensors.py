"""The values of v2's tensors between lists of JSON and little-endian bytes, without numpy.

Whatever is wrong with a tensor is a MessageError that names it.
"""

from __future__ import annotations

import base64
import math
import struct
from typing import Any, Final

import msgspec
import orjson

from microservice.protocol.infer import BYTES, FIELDS
from predictions.errors import MessageError
from predictions.graphs.pieces import write_array

FORMATS: Final = {
    "BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b", "INT16": "h",
    "INT32": "i", "INT64": "q", "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip
# Their product is as many times as long as one of them.
MOST_DIMENSIONS: Final = 64
_LENGTH: Final = struct.Struct("<I")
Json = dict[str, Any]
Values = list[Any] | tuple[Any, ...]


def wrong(name: str, reason: str) -> MessageError:
    """What is wrong with the tensor of that name."""
    return MessageError(f"Tensor {name}: {reason}.")


def pack(head: Json) -> bytes:
    """The bytes of a tensor's `data`, flat or nested; a large array may be text still."""
    name, datatype, data = head["name"], head["datatype"], head.get("data")
    if datatype == BYTES:
        elements = _elements(name, _flat(name, _read(data)))
        check_count(name, head["shape"], len(elements))
        return b"".join(_LENGTH.pack(len(each)) + each for each in elements)
    if datatype not in FORMATS:
        raise wrong(name, f"datatype {datatype} has no form in JSON")
    if not isinstance(data, list | msgspec.Raw):
        raise wrong(name, "data must be an array")
    raw = write_array(lambda values: _pack(name, datatype, _flat(name, values)), data)
    check_count(name, head["shape"], len(raw) // struct.calcsize(f"<{FORMATS[datatype]}"))
    return raw


def _read(data: Any) -> Any:
    return orjson.loads(bytes(data)) if isinstance(data, msgspec.Raw) else data


def _pack(name: str, datatype: str, values: list[Any]) -> bytes:
    if datatype == "BOOL":
        if any(value not in (True, False) for value in values):
            raise wrong(name, "BOOL is true or false")
    elif bool in set(map(type, values)):
        raise wrong(name, f"a truth value is no {datatype}")
    try:
        return struct.pack(f"<{len(values)}{FORMATS[datatype]}", *values)
    except (struct.error, OverflowError, TypeError) as error:
        raise wrong(name, f"the data are no {datatype}: {error}") from None


def unpack(name: str, datatype: str, raw: bytes) -> Values:
    """The values in `raw`; of BYTES its elements."""
    if datatype == BYTES:
        return _split(name, raw)
    if datatype not in FORMATS:
        raise wrong(name, f"datatype {datatype} has no form in JSON")
    form = FORMATS[datatype]
    count, rest = divmod(len(raw), struct.calcsize(f"<{form}"))
    if rest:
        raise wrong(name, f"{len(raw)} bytes are no whole number of {datatype}")
    return struct.unpack(f"<{count}{form}", raw)


def contents(name: str, datatype: str, found: Any) -> Values:
    """The values in an InferTensorContents."""
    if datatype not in FIELDS:
        raise wrong(name, f"{datatype} has no contents; send it as raw_input_contents")
    return list(getattr(found, FIELDS[datatype]))


def fill_contents(name: str, datatype: str, raw: bytes, target: Any) -> None:
    """Write the values in `raw` into an InferTensorContents."""
    getattr(target, FIELDS[datatype]).extend(unpack(name, datatype, raw))


def tell_values(datatype: str, values: Values) -> tuple[Values, Json]:
    """`values` as JSON has them, and the parameters that say how; BYTES that are no texts become base64."""
    if datatype != BYTES:
        return values, {}
    try:
        return [value.decode() for value in values], {}
    except UnicodeDecodeError:
        return [base64.b64encode(value).decode() for value in values], {"content_type": "base64"}


def check_count(name: str, shape: Any, count: int) -> None:
    """Raises when a tensor of `shape` does not have `count` values."""
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise wrong(name, "shape must be a list of whole numbers, each 0 or more")
    if len(shape) > MOST_DIMENSIONS:
        raise wrong(name, f"shape has {len(shape)} dimensions, of {MOST_DIMENSIONS} at most")
    if math.prod(shape) != count:
        raise wrong(name, f"shape {shape} needs {math.prod(shape)} values, there are {count}")


def _flat(name: str, data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise wrong(name, "data must be an array")
    values: list[Any] = data
    while list in (kinds := set(map(type, values))):
        if len(kinds) > 1:
            raise wrong(name, "arrays and values stand beside each other in data")
        values = [value for block in values for value in block]
    return values


def _elements(name: str, values: list[Any]) -> list[bytes]:
    if not all(isinstance(value, str) for value in values):
        raise wrong(name, "elements of BYTES are texts in JSON")
    return [value.encode() for value in values]


def _split(name: str, raw: bytes) -> list[bytes]:
    elements, place = [], 0
    while place < len(raw):
        if place + 4 > len(raw):
            raise wrong(name, "the last element of BYTES has no length")
        (length,) = _LENGTH.unpack_from(raw, place)
        place += 4 + length
        if place > len(raw):
            raise wrong(name, "an element of BYTES is longer than its tensor")
        elements.append(raw[place - length : place])
    return elements
