"""Seldon Server's Classify: what its messages say as values and objects, and back; no numpy."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import nan
from typing import Any

from google.protobuf import any_pb2, json_format, struct_pb2
from google.protobuf.message import DecodeError

from microservice.protocol import classify_pb2 as messages

Json = dict[str, Any]
SERVICE = "io.seldon.api.rpc.Seldon"
FLOAT = struct.Struct("<f")
# Of more values than people read the digits do not count, and looking for them would hold the event loop.
MOST_SHORTENED = 1000


def read_values(request: Any) -> list[float] | None:
    """Return the values that are asked about, None for a message of the caller's own; raises ValueError."""
    if not request.HasField("data"):
        raise ValueError("the request has no data")
    if not request.data.Is(messages.DefaultCustomPredictRequest.DESCRIPTOR):
        return None
    found = messages.DefaultCustomPredictRequest()
    try:
        request.data.Unpack(found)
    except DecodeError as error:
        raise ValueError(f"data is no DefaultCustomPredictRequest: {error}") from error
    return shorten(found.values)


def write_reply(answer: Json, custom: Any = None) -> Any:
    """Return the message for an answer of Seldon Server's form and an `Any`; raises ValueError."""
    meta = answer.get("meta") or {}
    reply = messages.ClassificationReply()
    for field in ("puid", "modelName", "variation"):
        setattr(reply.meta, field, meta.get(field) or "")
    reply.meta.SetInParent()
    for entry in answer.get("predictions") or ():
        name = entry.get("predictedClass")
        reply.predictions.add(
            prediction=read_number(entry.get("prediction")),
            predictedClass="" if name is None else str(name),
            confidence=read_number(entry.get("confidence", entry.get("prediction"))),
        )
    if custom is not None:
        copy_any(custom, reply.custom)
    return reply


def read_number(value: Any) -> float:
    """Return a number, also one that is written as text; null is NaN, which JSON cannot say."""
    if value is None:
        return nan
    if not isinstance(value, int | float | str):
        raise ValueError(f"{str(value)[:100]!r} is no number")
    return float(value)


def pack_json(value: Any) -> Any:
    """Return an `Any` that holds what JSON says as a google.protobuf.Value; raises ValueError."""
    found = any_pb2.Any()
    try:
        found.Pack(json_format.ParseDict(value, struct_pb2.Value()))
    except (json_format.ParseError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return found


def copy_any(given: Any, target: Any) -> None:
    """Copy an `Any` over the border between two pools of descriptors."""
    target.type_url, target.value = given.type_url, given.value


def shorten(values: Sequence[float]) -> list[float]:
    """Return each value with as few digits as say it, and values that are many just as they are."""
    return list(values) if len(values) > MOST_SHORTENED else [shortest(value) for value in values]


def shortest(value: float) -> float:
    """Return what was a float of 32 bits with as few digits as say it: 0.9, not 0.8999999761581421."""
    for digits in (6, 7, 8):
        short = float(f"{value:.{digits}g}")
        if FLOAT.unpack(FLOAT.pack(short))[0] == value:
            return short
    return value
