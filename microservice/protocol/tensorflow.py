"""TensorFlow's TensorProto in its JSON form, to and from numpy arrays; TensorFlow itself is not needed."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

import numpy as np

from microservice.protocol.errors import InvalidMessageError, UnusableAnswerError

Array = np.ndarray[Any, Any]
# TensorFlow's name and number, numpy's type, the field that holds the values.
TYPES: tuple[tuple[str, int, str, str], ...] = (
    ("DT_FLOAT", 1, "float32", "floatVal"), ("DT_DOUBLE", 2, "float64", "doubleVal"),
    ("DT_INT32", 3, "int32", "intVal"), ("DT_UINT8", 4, "uint8", "intVal"),
    ("DT_INT16", 5, "int16", "intVal"), ("DT_INT8", 6, "int8", "intVal"),
    ("DT_STRING", 7, "object", "stringVal"), ("DT_INT64", 9, "int64", "int64Val"),
    ("DT_BOOL", 10, "bool", "boolVal"), ("DT_UINT16", 17, "uint16", "intVal"),
    ("DT_HALF", 19, "float16", "halfVal"), ("DT_UINT32", 22, "uint32", "uint32Val"),
    ("DT_UINT64", 23, "uint64", "uint64Val"),
)  # fmt: skip
# A few bytes must not become more memory than a message of numbers could take.
MOST_REPEATED = 2**22
BY_NAME = {name: (kind, field) for name, _, kind, field in TYPES} | {
    number: (kind, field) for _, number, kind, field in TYPES
}
BY_KIND = {kind: (name, field) for name, _, kind, field in TYPES}


def decode_tftensor(tensor: Any) -> Array:
    """Return the array of a TensorProto; raises InvalidMessageError when it is none that is known."""
    if not isinstance(tensor, dict):
        raise InvalidMessageError("data.tftensor must be an object with dtype, tensorShape and values")
    kind, field = BY_NAME.get(tensor.get("dtype", ""), ("", ""))
    if not kind:
        known = ", ".join(name for name, *_ in TYPES)
        raise InvalidMessageError(f"data.tftensor.dtype is {tensor.get('dtype')!r}, not one of {known}")
    try:
        shape = [int(size.get("size", 0)) for size in read(tensor, "tensorShape", {}).get("dim", [])]
        values = read_values(tensor, kind, field)
        # As TensorFlow writes it, the last value stands for all that would follow.
        count = math.prod(shape)
        if 0 < len(values) < count:
            if count > MOST_REPEATED:
                raise ValueError(
                    f"it has {len(values)} values for {count}; send more than {MOST_REPEATED} in full"
                )
            values = np.concatenate([values, np.repeat(values[-1:], count - len(values))])
        return values.reshape(shape)
    except (ValueError, TypeError, AttributeError, OverflowError, binascii.Error) as error:
        raise InvalidMessageError(f"data.tftensor cannot be read: {error}") from error


def read_values(tensor: dict[str, Any], kind: str, field: str) -> Array:
    """Return a TensorProto's values without their shape, from its content or from its list."""
    content = read(tensor, "tensorContent", "")
    if content:
        return np.frombuffer(base64.b64decode(content, validate=True), dtype=kind)
    values = read(tensor, field, [])
    if kind == "object":
        return np.array([base64.b64decode(value, validate=True) for value in values], dtype=object)
    if kind == "float16":
        return np.array(values, dtype="uint16").view("float16")
    # Whole numbers of 64 bits are texts in protobuf's JSON.
    return np.array([int(v) if isinstance(v, str) and "int" in kind else v for v in values], dtype=kind)


def read(tensor: dict[str, Any], name: str, default: Any) -> Any:
    """Return a field under its JSON name or under the name it has in the proto file."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return tensor.get(name, tensor.get(snake, default))


def encode_tftensor(array: Array) -> dict[str, Any]:
    """Return an array of numbers as a TensorProto, its values as bytes as TensorFlow itself writes them."""
    name, _ = BY_KIND.get(array.dtype.name, ("", ""))
    if not name:
        raise UnusableAnswerError(f"{array.dtype} has no form as tftensor; return float or int arrays")
    content = base64.b64encode(array.tobytes()).decode()
    dims = [{"size": str(size)} for size in array.shape]
    return {"dtype": name, "tensorShape": {"dim": dims}, "tensorContent": content}
