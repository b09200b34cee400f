"""Seldon Server's requests and answers between their two wire forms: JSON documents and Classify's messages.

A list is a DefaultCustomPredictRequest; an object with `@type` is a message of the client's own.
"""

from __future__ import annotations

from math import isinf, nan
from typing import Any

from google.protobuf.message import DecodeError

from microservice.protocol import classify_pb2 as pb
from microservice.protocol.classify import copy_any, pack_json, read_values, write_reply
from predictions.errors import MessageError
from predictions.message_types import TYPE, MessageTypes
from predictions.protocols.base import Document
from predictions.protocols.legacy import as_entry
from predictions.protocols.tables import is_number


def request_to_proto(document: Document, puid: str, types: MessageTypes) -> bytes:
    """The ClassificationRequest that `document` says; MessageError when it cannot be one."""
    message = pb.ClassificationRequest(meta=pb.ClassificationRequestMeta(puid=puid))
    data = document.get("data", {key: value for key, value in document.items() if key != "meta"})
    if isinstance(data, dict):
        data = types.named(data, types.request_class)
    if isinstance(data, dict) and TYPE in data:
        copy_any(types.build(data), message.data)
    else:
        message.data.Pack(_default_request(data))
    return bytes(message.SerializeToString())


def request_to_document(raw: bytes, types: MessageTypes) -> Document:
    """What the ClassificationRequest in `raw` asks; MessageError when it cannot be read."""
    try:
        message = pb.ClassificationRequest.FromString(raw)
        values = read_values(message)
    except (DecodeError, ValueError) as error:
        raise MessageError(f"The ClassificationRequest cannot be read: {error}") from None
    meta = {"meta": {"puid": message.meta.puid}} if message.meta.puid else {}
    return {**meta, "data": types.describe(message.data) if values is None else values}


def reply_to_proto(document: Document, types: MessageTypes) -> bytes:
    """The ClassificationReply that an answer of Seldon Server's form says; MessageError when none can."""
    entries = [as_entry(entry) for entry in document.get("predictions") or ()]
    custom = document.get("custom")
    try:
        packed = None if custom is None else _custom(custom, types)
        return bytes(write_reply({**document, "predictions": entries}, packed).SerializeToString())
    except (ValueError, TypeError, OverflowError) as error:
        raise MessageError(f"The answer cannot be written as a ClassificationReply: {error}") from None


def reply_to_document(raw: bytes, types: MessageTypes) -> Document:
    """The answer that a ClassificationReply says; MessageError when it cannot be read."""
    try:
        reply = pb.ClassificationReply.FromString(raw)
    except DecodeError as error:
        raise MessageError(f"the bytes are no ClassificationReply: {error}") from None
    names = ("prediction", "predictedClass", "confidence")
    return {
        "meta": {"modelName": reply.meta.modelName},
        "predictions": [{name: getattr(each, name) for name in names} for each in reply.predictions],
        "custom": types.describe(reply.custom) if reply.HasField("custom") else None,
    }


def _default_request(data: Any) -> pb.DefaultCustomPredictRequest:
    """Named features go by their place: the message has no names. A null is a number that is not there."""
    values = list(data.values()) if isinstance(data, dict) else data
    if isinstance(values, list):
        values = [nan if value is None else value for value in values]
    if not values or not isinstance(values, list) or not all(map(is_number, values)):
        raise MessageError(
            "The microservice speaks Seldon Server's gRPC: `data` is a list of numbers, an object of numbers,"
            f" or a message of a registered type, with its `{TYPE}`."
        )
    try:
        message = pb.DefaultCustomPredictRequest(values=values)
    except OverflowError:
        message = None
    # JSON has no infinite number: it was one that 32 bits cannot hold.
    if message is None or any(map(isinf, message.values)):
        raise MessageError("`data` holds a number that a float of 32 bits cannot.")
    return message


def _custom(value: Any, types: MessageTypes) -> Any:
    """A custom answer of the client's own type, else as the JSON that it is."""
    if isinstance(value, dict):
        value = types.named(value, types.reply_class)
        if TYPE in value:
            return types.build(value)
    return pack_json(value)
