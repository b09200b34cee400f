"""A SeldonMessage to what a model's `predict` gets, and what it returns back to a SeldonMessage."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np

from microservice.protocol.errors import InvalidMessageError, UnusableAnswerError
from microservice.protocol.legacy import legacy_to_message
from microservice.protocol.tensorflow import decode_tftensor, encode_tftensor

Kind = Literal["tensor", "ndarray", "tftensor", "jsonData", "strData", "binData", "customData"]
Names = list[str]
NameColumns = Callable[[int], Sequence[str]]
SHOWN_CHARACTERS = 300


class Payload(NamedTuple):
    """What a model is given: an array (or text, bytes, JSON), its column names, and the kind it came as."""

    kind: Kind
    value: Any
    names: Names


def decode_message(message: Any) -> Payload:
    """Return the payload of a SeldonMessage: `data` before `jsonData` before `strData` before `binData`.

    Raises InvalidMessageError when it holds none of them or holds one that cannot be read.
    """
    if isinstance(message, dict):
        if "data" in message:
            return decode_data(message["data"])
        if "jsonData" in message:
            return Payload("jsonData", message["jsonData"], [])
        if "strData" in message:
            return decode_text(message["strData"])
        if "binData" in message:
            return decode_bytes(message["binData"])
    raise InvalidMessageError(f"Invalid request data type: {shorten(message)}")


def decode_data(data: Any) -> Payload:
    """Return the array of a DefaultData object: `tensor` before `ndarray`; an empty object is empty."""
    if not isinstance(data, dict):
        raise InvalidMessageError(f"data must be an object with ndarray or tensor, not {shorten(data)}")
    names = read_names(data.get("names"))
    if "tensor" in data:
        return Payload("tensor", read_tensor(data["tensor"]), names)
    if "ndarray" in data:
        return Payload("ndarray", read_ndarray(data["ndarray"]), names)
    if "tftensor" in data:
        return Payload("tftensor", decode_tftensor(data["tftensor"]), names)
    unknown = sorted(set(data) - {"names"})
    if unknown:
        raise InvalidMessageError(f"data holds neither ndarray nor tensor but {', '.join(unknown[:5])}")
    return Payload("ndarray", np.array([]), names)


def decode_features(body: dict[str, Any]) -> Payload:
    """Return the one row of a Seldon Server body, with the type of each feature kept.

    A row of numbers is a numeric array; numbers beside texts are an array of objects, where an `ndarray`
    message would turn the numbers into texts.
    """
    data = legacy_to_message(body)["data"]
    rows = data["ndarray"]
    kinds = {isinstance(cell, str) for row in rows for cell in row}
    value = np.array(rows, dtype=object) if len(kinds) == 2 else read_ndarray(rows)
    return Payload("ndarray", value, data["names"])


def read_names(names: Any) -> Names:
    """Return the column names, an empty list when there are none."""
    if names is None:
        return []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidMessageError(f"data.names must be an array of strings, not {shorten(names)}")
    return names


def read_tensor(tensor: Any) -> np.ndarray[Any, Any]:
    """Return the array of `{"shape": [...], "values": [...]}`, row-major."""
    if not isinstance(tensor, dict) or not isinstance(tensor.get("values", []), list):
        raise InvalidMessageError("data.tensor must be an object with shape and values")
    values = read_ndarray(tensor.get("values", []))
    try:
        if values.dtype.kind == "U":
            # A tensor holds numbers; protobuf's JSON writes NaN and the infinities as texts.
            values = values.astype(np.float64)
        return values.reshape(tensor.get("shape", []))
    except (TypeError, ValueError) as error:
        raise InvalidMessageError(f"data.tensor: {error}") from error


def read_ndarray(rows: Any) -> np.ndarray[Any, Any]:
    """Return nested JSON arrays as one numpy array; whole numbers stay whole, mixed types become text."""
    if not isinstance(rows, list):
        raise InvalidMessageError(f"an array is needed where the message has {shorten(rows)}")
    try:
        return np.array(rows)
    except (ValueError, OverflowError) as error:
        raise InvalidMessageError(f"the rows do not form an array: {error}") from error


def decode_text(text: Any) -> Payload:
    """Return the text of `strData`."""
    if not isinstance(text, str):
        raise InvalidMessageError(f"strData must be a string, not {shorten(text)}")
    return Payload("strData", text, [])


def decode_bytes(text: Any) -> Payload:
    """Return the bytes of `binData`, which is base64 text."""
    try:
        return Payload("binData", base64.b64decode(text, validate=True), [])
    except (binascii.Error, TypeError, ValueError) as error:
        raise InvalidMessageError(f"binData must be base64: {error}") from error


def encode_answer(result: Any, kind: Kind, name_columns: NameColumns) -> dict[str, Any]:
    """Return the part of a SeldonMessage that says `result`: one of data, jsonData, strData and binData.

    `kind` is what the request came as: numbers go back in the same form, and as a tensor when the request
    had no array. Raises UnusableAnswerError for anything but an array, list, dict, str or bytes.
    """
    if isinstance(result, np.ndarray | list):
        return {"data": encode_array(result, kind, name_columns)}
    if isinstance(result, dict):
        return {"jsonData": result}
    if isinstance(result, str):
        return {"strData": result}
    if isinstance(result, bytes | bytearray):
        return {"binData": base64.b64encode(result).decode()}
    if hasattr(result, "DESCRIPTOR"):
        return {"customData": result}
    raise UnusableAnswerError(
        f"Unknown data type returned as payload (must be list or np array):{shorten(result)} "
        f"is a {type(result).__name__}; return a numpy array, a list, a dict, a str or bytes"
    )


def encode_array(
    result: np.ndarray[Any, Any] | list[Any], kind: Kind, name_columns: NameColumns
) -> dict[str, Any]:
    """Return the DefaultData object of an array; only arrays of two or more dimensions have column names.

    An `ndarray` holds a list as it is: as one array its whole numbers would become floats beside floats, and
    its numbers texts beside texts.
    """
    array = as_array(result)
    names = list(name_columns(array.shape[1])) if array.ndim > 1 else []
    if kind == "ndarray" or not np.issubdtype(array.dtype, np.number):
        return {"names": names, "ndarray": result if isinstance(result, list) else array}
    if kind == "tftensor":
        return {"names": names, "tftensor": encode_tftensor(array)}
    return {"names": names, "tensor": {"shape": list(array.shape), "values": array.ravel()}}


def as_array(result: np.ndarray[Any, Any] | list[Any]) -> np.ndarray[Any, Any]:
    """Return the result as an array laid out so that the JSON encoder can read it in place."""
    try:
        # ascontiguousarray would make a number of no dimensions one of one.
        return np.asarray(result, order="C")
    except (ValueError, OverflowError) as error:
        raise UnusableAnswerError(f"The list that was returned does not form an array: {error}") from error


@lru_cache(maxsize=8)
def default_names(count: int) -> tuple[str, ...]:
    """Return the names Seldon Core gives columns that have none: t:0, t:1, …

    Remembered, because making them for a wide answer takes longer than writing its numbers.
    """
    return tuple(f"t:{index}" for index in range(count))


def shorten(value: Any) -> str:
    """Return how a value looks, cut so that an error stays readable."""
    shown = repr(value)
    return shown if len(shown) <= SHOWN_CHARACTERS else f"{shown[:SHOWN_CHARACTERS]}…"
