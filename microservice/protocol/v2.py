"""Tensors of the Open Inference Protocol (v2) to and from numpy arrays, from JSON and from raw bytes."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from microservice.protocol.errors import InvalidMessageError, UnusableAnswerError
from microservice.protocol.payload import shorten

Array = np.ndarray[Any, Any]
Json = dict[str, Any]
KINDS = {
    "BOOL": "bool", "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64",
    "INT8": "int8", "INT16": "int16", "INT32": "int32", "INT64": "int64",
    "FP16": "float16", "FP32": "float32", "FP64": "float64",
}  # fmt: skip
DTYPES = {name: np.dtype(kind) for name, kind in KINDS.items()}
# By dtype, because its name is worked out anew each time it is asked for.
DATATYPES = {kind: name for name, kind in DTYPES.items()}
BYTES = "BYTES"
LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Tensor:
    """One named tensor; elements of BYTES are texts when they came in JSON, bytes when they came raw."""

    name: str
    datatype: str
    values: Array
    parameters: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One output that a caller asks for."""

    name: str
    parameters: Json


@dataclass(frozen=True, slots=True)
class InferRequest:
    """What a caller asks a model."""

    inputs: list[Tensor]
    outputs: list[Wanted]
    id: str = ""
    parameters: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InferAnswer:
    """What a model says."""

    model_name: str
    model_version: str
    id: str
    parameters: Json
    outputs: list[Tensor]


def read_json_tensor(head: Json, data: Any) -> Tensor:
    """Return the tensor whose values stand in JSON, flat or nested; raises InvalidMessageError."""
    name, datatype, shape = read_head(head)
    if not isinstance(data, list):
        raise InvalidMessageError(f"{name}: data must be an array, not {shorten(data)}")
    values = read_texts(name, data) if datatype == BYTES else read_numbers(name, datatype, data)
    return Tensor(name, datatype, reshape(name, values, shape), read_object(head.get("parameters"), name))


def read_raw_tensor(head: Json, raw: bytes | memoryview) -> Tensor:
    """Return the tensor whose values are little-endian bytes; raises InvalidMessageError."""
    name, datatype, shape = read_head(head)
    if datatype == BYTES:
        values = read_elements(name, bytes(raw))
    else:
        kind = DTYPES[datatype]
        if len(raw) % kind.itemsize:
            raise InvalidMessageError(f"{name}: {len(raw)} bytes are no whole number of {datatype}")
        # A copy, because what is read in place cannot be written to, and a model may.
        values = np.frombuffer(raw, "uint8" if datatype == "BOOL" else kind.newbyteorder("<")).astype(kind)
    return Tensor(name, datatype, reshape(name, values, shape), read_object(head.get("parameters"), name))


def read_head(head: Json) -> tuple[str, str, list[int]]:
    """Return name, datatype and shape of a tensor; raises InvalidMessageError for one that is wrong."""
    name, datatype, shape = head.get("name"), head.get("datatype"), head.get("shape")
    if not isinstance(name, str) or not name:
        raise InvalidMessageError(f"every tensor needs a name, and one has {shorten(name)}")
    if datatype not in KINDS and datatype != BYTES:
        known = ", ".join([*KINDS, BYTES])
        raise InvalidMessageError(f"{name}: datatype is {shorten(datatype)}, not one of {known}")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise InvalidMessageError(f"{name}: shape must be a list of whole numbers, not {shorten(shape)}")
    return name, datatype, shape


def read_object(value: Any, place: str) -> Json:
    """Return an object, empty when there is none."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidMessageError(f"{place}: parameters must be an object, not {shorten(value)}")
    return value


def reshape(name: str, values: Array, shape: Sequence[int]) -> Array:
    """Return the values in their shape; raises InvalidMessageError when they are too many or too few."""
    if values.size != math.prod(shape):
        raise InvalidMessageError(
            f"{name}: shape {list(shape)} needs {math.prod(shape)} values, there are {values.size}"
        )
    try:
        return values.reshape(shape)
    except ValueError as error:
        # No numbers at all may have a shape that is too large to count.
        raise InvalidMessageError(f"{name}: {error}") from error


def read_texts(name: str, data: list[Any]) -> Array:
    """Return nested lists of texts as one array of them."""
    texts: list[str] = []
    waiting = [data]
    while waiting:
        block = waiting.pop()
        # Nested lists are taken apart in order, from the last to the first.
        if any(isinstance(value, list) for value in block):
            waiting.extend(reversed([value if isinstance(value, list) else [value] for value in block]))
        elif all(isinstance(value, str) for value in block):
            texts.extend(block)
        else:
            raise InvalidMessageError(f"{name}: elements of BYTES are texts in JSON, not {shorten(block)}")
    return objects(texts)


def read_numbers(name: str, datatype: str, data: list[Any]) -> Array:
    """Return nested lists of numbers; one that the datatype cannot hold is refused, not cut."""
    kind = DTYPES[datatype]
    try:
        found = np.array(data)
        if datatype == "UINT64" and found.dtype.kind == "f":
            found = as_large_numbers(data, found)
    except (ValueError, OverflowError) as error:
        raise InvalidMessageError(f"{name}: the data do not form a tensor: {error}") from error
    if not found.size:
        return found.astype(kind)
    if found.dtype == kind:
        return found
    # Whole numbers may be any; truth values no numbers, and numbers no truth values except 0 and 1.
    allowed = {"f": "iuf", "i": "iu", "u": "iu", "b": "b"}[kind.kind]
    is_truth = kind.kind == "b" and found.dtype.kind in "iu" and bool(np.isin(found, (0, 1)).all())
    if found.dtype.kind not in allowed and not is_truth:
        raise InvalidMessageError(f"{name}: the data are no {datatype}: {shorten(data)}")
    if kind.kind in "iu" and (found.min() < np.iinfo(kind).min or found.max() > np.iinfo(kind).max):
        raise InvalidMessageError(f"{name}: a value does not fit into {datatype}")
    return found.astype(kind)


def as_large_numbers(data: list[Any], found: Array) -> Array:
    """Return whole numbers as such; numpy makes floats of them where some need 64 bits without a sign."""
    exact = np.array(data, dtype=object)
    if not all(type(value) is int for value in exact.ravel()) or exact.min() < 0:
        return found
    return exact.astype(np.uint64)


def read_elements(name: str, raw: bytes) -> Array:
    """Return elements of BYTES, each of which has its length in four bytes before it."""
    elements: list[bytes] = []
    place = 0
    while place < len(raw):
        if place + 4 > len(raw):
            raise InvalidMessageError(f"{name}: the last element of BYTES has no length")
        (length,) = LENGTH.unpack_from(raw, place)
        place += 4 + length
        if place > len(raw):
            raise InvalidMessageError(f"{name}: an element of BYTES is longer than its tensor")
        elements.append(raw[place - length : place])
    return objects(elements)


def write_raw(tensor: Tensor) -> bytes:
    """Return a tensor's values as little-endian bytes."""
    if tensor.datatype != BYTES:
        kind = tensor.values.dtype.newbyteorder("<")
        return tensor.values.astype(kind, copy=False).tobytes()
    elements = [element_bytes(value) for value in tensor.values.ravel()]
    return b"".join(LENGTH.pack(len(element)) + element for element in elements)


def write_json(tensor: Tensor) -> Any:
    """Return a tensor's values as JSON has them: flat, bytes as base64."""
    values = tensor.values.ravel()
    if tensor.datatype != BYTES:
        return values
    return [
        value if isinstance(value, str) else base64.b64encode(element_bytes(value)).decode()
        for value in values
    ]


def element_bytes(value: Any) -> bytes:
    """Return one element of BYTES."""
    return value.encode() if isinstance(value, str) else bytes(value)


def decode_content(tensor: Tensor, content_type: str) -> Array:
    """Return a tensor's values as its content type says: `np`, `str` or `base64`.

    BYTES without a content type are texts in UTF-8; `np` hands over their bytes.
    """
    if content_type not in CONTENT_TYPES:
        known = ", ".join([*filter(None, CONTENT_TYPES), "pd"])
        raise InvalidMessageError(f"{tensor.name}: content_type is {shorten(content_type)}, not {known}")
    if tensor.datatype != BYTES:
        if content_type in ("str", "base64"):
            raise InvalidMessageError(f"{tensor.name}: content_type {content_type} needs datatype BYTES")
        return tensor.values
    read = CONTENT_TYPES[content_type]
    try:
        return objects([read(value) for value in tensor.values.ravel()]).reshape(tensor.values.shape)
    except UnicodeDecodeError as error:
        hint = "set its parameter content_type to np to hand over bytes"
        raise InvalidMessageError(f"{tensor.name}: an element is not UTF-8 ({error}); {hint}") from error
    except (binascii.Error, ValueError) as error:
        raise InvalidMessageError(f"{tensor.name}: an element is not base64: {error}") from error


def read_text(value: str | bytes) -> str:
    """Return an element of BYTES as text."""
    return value if isinstance(value, str) else value.decode()


def read_base64(value: str | bytes) -> bytes:
    """Return what an element of BYTES says in base64."""
    return base64.b64decode(value, validate=True)


CONTENT_TYPES: dict[str, Any] = {"": read_text, "str": read_text, "np": element_bytes, "base64": read_base64}


def to_tensor(name: str, value: Any) -> Tensor:
    """Return the tensor of an array or a list; raises UnusableAnswerError for what has no datatype."""
    try:
        array: Array = np.asarray(value, order="C")
    except (ValueError, OverflowError) as error:
        raise UnusableAnswerError(f"{name}: the list that was returned forms no array: {error}") from error
    if array.dtype not in DATATYPES and array.dtype.kind in "iuf":
        array = array.astype(array.dtype.newbyteorder("="))
    datatype = DATATYPES.get(array.dtype)
    if datatype is not None:
        return Tensor(name, datatype, array, {"content_type": "np"})
    elements = array.tolist() if array.dtype.kind in "US" else array
    flat = objects(list(np.asarray(elements, dtype=object).ravel())).reshape(array.shape)
    kinds = {type(element) for element in flat.ravel()}
    if kinds <= {str, np.str_}:
        return Tensor(name, BYTES, flat, {"content_type": "str"})
    if kinds <= {bytes, bytearray, np.bytes_}:
        return Tensor(name, BYTES, flat, {"content_type": "base64"})
    shown = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise UnusableAnswerError(f"{name}: an array of {array.dtype} ({shown}) has no datatype in v2")


def objects(values: list[Any]) -> Array:
    """Return a list as an array of one dimension that holds its elements untouched."""
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
