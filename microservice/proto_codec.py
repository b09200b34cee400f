"""The protobuf dialect: SeldonMessages of gRPC to what hooks are given, and back.

Where seldon_core itself is installed its message classes are used, since a process cannot have both and a
model's own code may build them.
"""

from __future__ import annotations

import base64
import importlib.util
from typing import Any

import numpy as np
from google.protobuf import json_format
from google.protobuf.struct_pb2 import ListValue, Value

from microservice.codecs import Feedback
from microservice.finding import SHIM
from microservice.hooks import Operation
from microservice.protocol.errors import InvalidMessageError, UnusableAnswerError
from microservice.protocol.payload import Payload, read_ndarray, shorten
from microservice.protocol.tensorflow import decode_tftensor
from microservice.protocol.wire import check_finite

Json = dict[str, Any]


def find_messages() -> Any:
    """Return the module of message classes: seldon_core's own if it is installed, else ours."""
    found = importlib.util.find_spec("seldon_core")
    if found is not None and not str(found.origin).startswith(SHIM):
        return importlib.import_module("seldon_core.proto.prediction_pb2")
    return importlib.import_module("microservice.protocol.prediction_pb2")


messages = find_messages()


class ProtoCodec:
    """SeldonMessages as protobuf messages."""

    dialect = "grpc"

    def decode(self, message: Any) -> Payload:
        """Return what a hook is given for a message; raises InvalidMessageError when it has no payload."""
        kind = message.WhichOneof("data_oneof")
        if kind == "data":
            return decode_data(message.data)
        if kind == "jsonData":
            return Payload("jsonData", read_value(message.jsonData), [])
        if kind in ("strData", "binData", "customData"):
            return Payload(kind, getattr(message, kind), [])
        raise InvalidMessageError("The message holds none of data, jsonData, strData, binData and customData")

    def read_meta(self, message: Any) -> Json:
        """Return a message's meta as JSON has it, metrics with their type even when it is the default."""
        if not message.HasField("meta"):
            return {}
        meta: Json = message_to_json(message.meta)
        for metric, shown in zip(message.meta.metrics, meta.get("metrics", []), strict=True):
            shown.update(type=messages.Metric.MetricType.Name(metric.type), value=metric.value)
        return meta

    def read_list(self, found: Any) -> list[Any]:
        """Return the messages that are to be aggregated."""
        if not found.seldonMessages:
            raise InvalidMessageError("To aggregate, send at least one of seldonMessages")
        return list(found.seldonMessages)

    def read_feedback(self, message: Any) -> Feedback:
        """Return the parts of a feedback message."""
        request = message.request
        if request.WhichOneof("data_oneof") is None:
            request.data.SetInParent()
        has_truth = message.HasField("truth") and message.truth.WhichOneof("data_oneof") is not None
        truth = message.truth if has_truth else None
        return Feedback(request, truth, message.reward, dict(message.response.meta.routing))

    def to_raw(self, operation: Operation, hook_name: str, message: Any) -> Any:
        """Return the message as it came."""
        return message

    def encode(self, content: Json) -> Any:
        """Return the message that says `content`, whose arrays are numpy's."""
        message = messages.SeldonMessage()
        if "data" in content:
            encode_data(content["data"], message.data)
        elif "jsonData" in content:
            write_value(content["jsonData"], message.jsonData)
        elif "strData" in content:
            message.strData = content["strData"]
        elif "binData" in content:
            message.binData = base64.b64decode(content["binData"])
        else:
            encode_custom(content["customData"], message.customData)
        write_meta(content["meta"], message.meta)
        return message

    def adopt(self, operation: Operation, reply: Any) -> tuple[Any, Json]:
        """Return a SeldonMessage as it is, a dict as the message that it describes."""
        if isinstance(reply, dict):
            return json_to_message(reply, messages.SeldonMessage()), reply
        if not hasattr(reply, "DESCRIPTOR") or reply.DESCRIPTOR.name != "SeldonMessage":
            problem = f"{operation.name}_raw must return a SeldonMessage, not {shorten(reply)}"
            raise UnusableAnswerError(problem)
        return reply, {"meta": self.read_meta(reply)} if reply.HasField("meta") else {}


def decode_data(data: Any) -> Payload:
    """Return the array of a DefaultData message; an empty one is empty."""
    kind, names = data.WhichOneof("data_oneof"), list(data.names)
    if kind == "tensor":
        values = np.fromiter(data.tensor.values, dtype=np.float64, count=len(data.tensor.values))
        try:
            return Payload("tensor", values.reshape(data.tensor.shape), names)
        except ValueError as error:
            raise InvalidMessageError(f"data.tensor: {error}") from error
    if kind == "ndarray":
        return Payload("ndarray", read_ndarray(read_list_value(data.ndarray)), names)
    if kind == "tftensor":
        return Payload("tftensor", decode_tftensor(message_to_json(data.tftensor)), names)
    return Payload("ndarray", np.array([]), names)


def encode_data(data: Json, target: Any) -> None:
    """Write a DefaultData object into a message."""
    target.names.extend(data["names"])
    if "tensor" in data:
        target.tensor.shape.extend(data["tensor"]["shape"])
        target.tensor.values.extend(data["tensor"]["values"].tolist())
    elif "tftensor" in data:
        json_to_message(data["tftensor"], target.tftensor)
    else:
        target.ndarray.SetInParent()
        rows = data["ndarray"] if isinstance(data["ndarray"], list) else data["ndarray"].tolist()
        if not isinstance(rows, list):
            raise UnusableAnswerError(f"{shorten(rows)} is an array of no dimensions, which no ndarray is")
        write_list(rows, target.ndarray)


def encode_custom(reply: Any, target: Any) -> None:
    """Write a protobuf message as Any: one that is Any already as it is."""
    if reply.DESCRIPTOR.full_name == "google.protobuf.Any":
        target.CopyFrom(reply)
    else:
        target.Pack(reply)


def read_value(value: Any) -> Any:
    """Return a protobuf Value as JSON has it; numbers are floats, as protobuf keeps them."""
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return {name: read_value(below) for name, below in value.struct_value.fields.items()}
    if kind == "list_value":
        return read_list_value(value.list_value)
    return None if kind in (None, "null_value") else getattr(value, kind)


def read_list_value(found: Any) -> list[Any]:
    """Return a protobuf ListValue as a list."""
    return [read_value(value) for value in found.values]


def write_value(value: Any, target: Value) -> None:
    """Write what JSON can say into a protobuf Value; raises UnusableAnswerError for anything else."""
    try:
        check_finite(value, "")
        json_format.ParseDict(to_plain(value), target)
    except (json_format.ParseError, RecursionError) as error:
        raise UnusableAnswerError(f"The answer cannot be written as jsonData: {error}") from error


def write_list(values: list[Any], target: ListValue) -> None:
    """Write nested lists into a protobuf ListValue; whole tables of numbers without a detour."""
    for value in values:
        below = target.values.add()
        if isinstance(value, list):
            below.list_value.SetInParent()
            write_list(value, below.list_value)
        elif isinstance(value, float | int) and not isinstance(value, bool):
            below.number_value = value
        elif isinstance(value, str):
            below.string_value = value
        else:
            write_value(value, below)


def to_plain(value: Any) -> Any:
    """Return a value with numpy's arrays and numbers as Python's."""
    if isinstance(value, dict):
        return {str(name): to_plain(below) for name, below in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(below) for below in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def write_meta(meta: Json, target: Any) -> None:
    """Write meta into a message, which then has one even when there is nothing to say."""
    target.SetInParent()
    if meta:
        texts = [
            metric | {"tags": {name: str(tag) for name, tag in (metric.get("tags") or {}).items()}}
            for metric in meta.get("metrics", [])
        ]
        json_to_message(to_plain(meta | {"metrics": texts}), target)


def message_to_json(message: Any) -> Json:
    """Return a message as protobuf's JSON has it."""
    found: Json = json_format.MessageToDict(message)
    return found


def json_to_message(value: Json, target: Any) -> Any:
    """Return `target` with a JSON object read into it; raises UnusableAnswerError when it does not fit."""
    try:
        return json_format.ParseDict(value, target)
    except json_format.ParseError as error:
        raise UnusableAnswerError(f"The answer does not fit {target.DESCRIPTOR.name}: {error}") from error


def json_to_feedback(value: Json, *, as_text: bool) -> Any:
    """Return a Feedback message, or its JSON text for the old hook; raises InvalidMessageError."""
    feedback = messages.Feedback()
    try:
        json_format.ParseDict(value, feedback)
    except json_format.ParseError as error:
        raise InvalidMessageError(f"The feedback cannot be read: {error}") from error
    return json_format.MessageToJson(feedback) if as_text else feedback


PROTO = ProtoCodec()
