"""Seldon Server's JSON form: its requests to Seldon Core's messages, and messages to its answers; no numpy.

A Seldon Server request is `{"data": {feature: value, …}}` or `{"data": [number, …]}`: one row. Its answer is
`{"predictions": [{"prediction", "predictedClass", "confidence"}, …], "meta": {"modelName"}, "custom"}`: one
prediction per class. A Seldon Core message carries whole tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from microservice.protocol.errors import InvalidMessageError, UnusableAnswerError

Json = dict[str, Any]
ARRAY_KINDS = ("tensor", "ndarray", "tftensor")
OTHER_KINDS = ("jsonData", "strData", "binData", "customData")


def is_legacy_request(body: Any) -> bool:
    """Say whether a request body is Seldon Server's form, by its shape alone.

    It is when `data` is an array, or an object with features: at least one key, and none of tensor, ndarray
    and tftensor, nor `names` alone. Everything else is a SeldonMessage, also what neither can read.
    """
    if not isinstance(body, dict) or any(kind in body for kind in OTHER_KINDS):
        return False
    data = body.get("data")
    if isinstance(data, dict):
        return bool(data.keys() - {"names"}) and not any(kind in data for kind in ARRAY_KINDS)
    return isinstance(data, list)


def legacy_to_message(body: Any) -> Json:
    """Return the SeldonMessage of a Seldon Server request: one row, features as column names; meta is kept.

    Raises InvalidMessageError when `data` is missing or no row.
    """
    data = body.get("data") if isinstance(body, dict) else None
    if isinstance(data, dict):
        message: Json = {"data": {"names": list(data), "ndarray": [list(data.values())]}}
    elif isinstance(data, list):
        rows = data if data and all(isinstance(row, list) for row in data) else [data]
        message = {"data": {"names": [], "ndarray": rows}}
    else:
        raise InvalidMessageError('A Seldon Server request needs "data": an object of features or an array')
    if isinstance(body.get("meta"), dict):
        message["meta"] = body["meta"]
    return message


def message_to_legacy(message: Json, model_name: str) -> Json:
    """Return the Seldon Server answer of a SeldonMessage: a prediction per class, rows one after the other.

    The class is the column's name, or its number as text; the confidence of a number is that number. A text
    in the array is a class that was decided on: prediction and confidence 1.0. `jsonData`, `strData` and
    `binData` become `custom`; an answer that has `predictions` already is kept.
    """
    if isinstance(message.get("predictions"), list):
        return message | {"meta": {"modelName": model_name} | (message.get("meta") or {})}
    answer: Json = {"predictions": [], "meta": {"modelName": model_name}, "custom": None}
    data = message.get("data")
    if isinstance(data, dict):
        answer["predictions"] = describe_data(data)
    else:
        answer["custom"] = next((message[kind] for kind in OTHER_KINDS if kind in message), None)
    return answer


def describe_data(data: Json) -> list[Json]:
    """Return the predictions of all rows; raises UnusableAnswerError when they are no rows."""
    names = data.get("names") or []
    try:
        return [entry for row in iterate_rows(data) for entry in describe_row(row, names)]
    except InvalidMessageError as error:
        raise UnusableAnswerError(f"The answer cannot be read: {error}") from error


def describe_row(row: list[Any], names: list[str]) -> Iterator[Json]:
    """Yield one prediction per cell of a row."""
    for index, cell in enumerate(row):
        if isinstance(cell, str):
            yield {"prediction": 1.0, "predictedClass": cell, "confidence": 1.0}
        elif isinstance(cell, int | float):
            name = str(names[index]) if index < len(names) else str(index)
            yield {"prediction": float(cell), "predictedClass": name, "confidence": float(cell)}
        else:
            raise UnusableAnswerError(
                f"Seldon Server's form has numbers and class names, not {str(cell)[:100]}"
            )


def iterate_rows(data: Json) -> Iterator[list[Any]]:
    """Yield the rows of a DefaultData object; an array of one dimension is one row."""
    if "tensor" in data:
        yield from iterate_tensor_rows(data["tensor"])
        return
    rows = data.get("ndarray")
    if not isinstance(rows, list):
        raise InvalidMessageError("data holds neither tensor nor ndarray")
    if rows and not any(isinstance(row, list) for row in rows):
        yield rows
        return
    for row in rows:
        yield row if isinstance(row, list) else [row]


def iterate_tensor_rows(tensor: Any) -> Iterator[list[Any]]:
    """Yield the rows of a tensor of one or two dimensions."""
    shape = tensor.get("shape") if isinstance(tensor, dict) else None
    values = tensor.get("values") if isinstance(tensor, dict) else None
    if not isinstance(shape, list) or not isinstance(values, list) or len(shape) not in (1, 2):
        raise InvalidMessageError("data.tensor must have values and a shape of one or two dimensions")
    width = shape[-1]
    if not isinstance(width, int) or width < 1 or len(values) % width:
        raise InvalidMessageError(f"cannot reshape array of size {len(values)} into shape {shape}")
    for start in range(0, len(values), width):
        yield values[start : start + width]
