"""The values of v2's tensors between lists of JSON and little-endian bytes, without numpy.

Whatever is wrong with a tensor is a ValueError that names it.
"""

from __future__ import annotations

import base64
import math
import struct
from typing import Any, Final

from microservice.protocol.infer import BYTES, FIELDS

FORMATS: Final = {
    "BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b", "INT16": "h",
    "INT32": "i", "INT64": "q", "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip
_LENGTH: Final = struct.Struct("<I")
Json = dict[str, Any]
Values = list[Any] | tuple[Any, ...]


def pack(head: Json) -> bytes:
    """The bytes of a tensor's `data`, flat or nested."""
    name, datatype = head["name"], head["datatype"]
    values = _flat(name, head.get("data"))
    check_count(name, head["shape"], len(values))
    if datatype == BYTES:
        return b"".join(_LENGTH.pack(len(each)) + each for each in _elements(name, values))
    if datatype not in FORMATS:
        raise ValueError(f"{name}: datatype {datatype} has no form in JSON")
    if datatype == "BOOL":
        if any(value not in (True, False) for value in values):
            raise ValueError(f"{name}: BOOL is true or false")
    elif bool in set(map(type, values)):
        raise ValueError(f"{name}: a truth value is no {datatype}")
    try:
        return struct.pack(f"<{len(values)}{FORMATS[datatype]}", *values)
    except (struct.error, OverflowError, TypeError) as error:
        raise ValueError(f"{name}: the data are no {datatype}: {error}") from None


def unpack(name: str, datatype: str, raw: bytes) -> Values:
    """The values in `raw`; of BYTES its elements."""
    if datatype == BYTES:
        return _split(name, raw)
    if datatype not in FORMATS:
        raise ValueError(f"{name}: datatype {datatype} has no form in JSON")
    form = FORMATS[datatype]
    count, rest = divmod(len(raw), struct.calcsize(f"<{form}"))
    if rest:
        raise ValueError(f"{name}: {len(raw)} bytes are no whole number of {datatype}")
    return struct.unpack(f"<{count}{form}", raw)


def contents(name: str, datatype: str, found: Any) -> Values:
    """The values in an InferTensorContents."""
    if datatype not in FIELDS:
        raise ValueError(f"{name}: {datatype} has no contents; send it as raw_input_contents")
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
        raise ValueError(f"{name}: shape must be a list of whole numbers")
    if math.prod(shape) != count:
        raise ValueError(f"{name}: shape {shape} needs {math.prod(shape)} values, there are {count}")


def _flat(name: str, data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise ValueError(f"{name}: data must be an array")
    values: list[Any] = data
    while list in (kinds := set(map(type, values))):
        if len(kinds) > 1:
            raise ValueError(f"{name}: arrays and values stand beside each other in data")
        values = [value for block in values for value in block]
    return values


def _elements(name: str, values: list[Any]) -> list[bytes]:
    if not all(isinstance(value, str) for value in values):
        raise ValueError(f"{name}: elements of BYTES are texts in JSON")
    return [value.encode() for value in values]


def _split(name: str, raw: bytes) -> list[bytes]:
    elements, place = [], 0
    while place < len(raw):
        if place + 4 > len(raw):
            raise ValueError(f"{name}: the last element of BYTES has no length")
        (length,) = _LENGTH.unpack_from(raw, place)
        place += 4 + length
        if place > len(raw):
            raise ValueError(f"{name}: an element of BYTES is longer than its tensor")
        elements.append(raw[place - length : place])
    return elements
