"""SeldonMessages between their two wire forms: JSON text and protobuf bytes.

A table of numbers goes from one to the other in pieces, without an object of protobuf for each of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import orjson
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from microservice.protocol import prediction_pb2 as pb
from predictions.errors import MessageError
from predictions.graphs import tables
from predictions.graphs.lists import DEEPEST, read_value
from predictions.graphs.telling import Telling
from predictions.graphs.wire import NotPlainError, field, fields, read_proto

Json = dict[str, Any]
NO_META: Final[Json] = {}
FAILURE: Final = pb.Status.FAILURE
_FEEDBACK: Final = (("request", 1), ("response", 2), ("truth", 4))
_META: Final = 2
_DATA: Final = 3


def to_proto(body: bytes) -> bytes:
    """The bytes of the SeldonMessage that the JSON `body` says; MessageError when protobuf cannot say it.

    Unknown fields are left out, as protobuf's JSON does.
    """
    return encode(tables.open_json(body))


def encode(document: Json) -> bytes:
    """The same of a document, whose table may be text still."""
    data = document.get("data")
    if not isinstance(data, dict) or not tables.is_quick(data):
        return _rest(document)
    rest = _rest({key: value for key, value in document.items() if key != "data"})
    try:
        return field(_DATA, tables.write(data)) + rest
    except (json_format.Error, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise MessageError(f"`data` cannot be written as protobuf: {error}") from None


def _rest(document: Json) -> bytes:
    message = pb.SeldonMessage()
    _parse(document, message)
    return bytes(message.SerializeToString())


def to_proto_leniently(body: bytes) -> bytes | None:
    """The same of a text in which NaN may stand, as Python writes it; None when protobuf cannot say it."""
    try:
        return encode(json.loads(body))
    except (MessageError, TypeError, ValueError):
        return None


def to_json(raw: bytes) -> bytes:
    """The JSON text of the SeldonMessage in `raw`, NaN as null; MessageError when JSON cannot say it."""
    return to_json_text(raw)[0]


def to_json_text(raw: bytes, meta: Json | None = None) -> tuple[bytes, str]:
    """The same, and where the first number stands that became null.

    `meta` is what the message's own says, where that is known: protobuf leaves out what is empty.
    """
    message, table = tables.open_proto(raw)
    document, telling = describe(message), Telling()
    if table is not None:
        document["data"] = table.tell(document["data"], telling)
    return telling.tell({**document, "meta": meta} if meta else document)


def to_document(raw: bytes) -> Json:
    """The document of the SeldonMessage in `raw`; MessageError when it is none."""
    message, table = tables.open_proto(raw)
    document = describe(message)
    if table is not None:
        document["data"] = table.fill(document["data"])
    return document


def read_head(raw: bytes) -> pb.SeldonMessage:
    """The message in `raw`, without its table where that is large; MessageError when it is none."""
    message: pb.SeldonMessage
    message, table = tables.open_proto(raw)
    if table is not None:
        table.check()
    return message


def parse(raw: bytes) -> pb.SeldonMessage:
    """The message in `raw`; MessageError when it is none."""
    found: pb.SeldonMessage = read_proto(pb.SeldonMessage, raw)
    return found


def parse_feedback(raw: bytes) -> pb.Feedback:
    """The feedback in `raw`; MessageError when it is none."""
    found: pb.Feedback = read_proto(pb.Feedback, raw)
    return found


def describe(message: pb.SeldonMessage) -> Json:
    """The message as JSON has it, with a meta always."""
    found: Json = {}
    if message.HasField("status"):
        found["status"] = _document(message.status)
    found["meta"] = meta_of(message)
    kind = message.WhichOneof("data_oneof")
    if kind == "data":
        found["data"] = _describe_data(message.data)
    elif kind == "strData":
        found["strData"] = message.strData
    elif kind is not None:
        shown = pb.SeldonMessage()
        shown.CopyFrom(message)
        shown.ClearField("meta")
        shown.ClearField("status")
        found |= _document(shown)
    return found


def meta_of(message: pb.SeldonMessage) -> Json:
    """The message's meta as JSON has it; metrics with their type and value even when those are defaults."""
    if not message.HasField("meta") or not message.meta.ByteSize():
        return NO_META
    meta = _document(message.meta)
    for metric, shown in zip(message.meta.metrics, meta.get("metrics", []), strict=True):
        shown.update(type=pb.Metric.MetricType.Name(metric.type), value=metric.value)
    return meta


def write_meta(raw: bytes, meta: Json) -> bytes:
    """`raw` with `meta` in place of its own, and everything else as it is written."""
    message = pb.Meta()
    _parse(meta, message)
    try:
        rest = list(_without_meta(raw))
    except NotPlainError:
        whole = parse(raw)
        whole.DiscardUnknownFields()
        rest = list(_without_meta(whole.SerializeToString()))
    return b"".join((*rest, field(_META, message.SerializeToString())))


def _without_meta(raw: bytes) -> Iterator[bytes]:
    start = 0
    for found in fields(raw):
        if found.number == _META:
            yield raw[start : found.start]
            start = found.end
    yield raw[start:]


def feedback_to_proto(body: bytes) -> bytes:
    """The bytes of the Feedback that the JSON `body` says."""
    document = orjson.loads(body)
    reward = pb.Feedback(reward=float(document.get("reward") or 0.0))
    found = bytes(reward.SerializeToString())
    for key, number in _FEEDBACK:
        if isinstance(document.get(key), dict):
            found += field(number, encode(document[key]))
    return found


def feedback_to_json(feedback: pb.Feedback) -> Json:
    """A Feedback as JSON has it; what it does not hold is left out."""
    found: Json = {"reward": feedback.reward}
    for key in ("request", "response", "truth"):
        if feedback.HasField(key):
            found[key] = describe(getattr(feedback, key))
    return found


def _describe_data(data: pb.DefaultData) -> Json:
    kind = data.WhichOneof("data_oneof")
    found: Json = {"names": list(data.names)}
    if kind == "tensor":
        found["tensor"] = {"shape": list(data.tensor.shape), "values": list(data.tensor.values)}
    elif kind == "ndarray":
        found["ndarray"] = [read_value(value) for value in data.ndarray.values]
    elif kind == "tftensor":
        found["tftensor"] = _document(data.tftensor)
    return found


def _document(message: Any) -> Json:
    try:
        found: Json = json_format.MessageToDict(message)
    except (json_format.Error, DecodeError, TypeError, ValueError, RecursionError) as error:
        raise MessageError(f"The message cannot be written as JSON: {error}") from None
    return found


def _parse(document: Json, target: Any) -> None:
    try:
        json_format.ParseDict(document, target, ignore_unknown_fields=True, max_recursion_depth=DEEPEST)
    except (json_format.Error, TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
        # Of an Any whose JSON is none it tells by whatever its own code stumbles over.
        raise MessageError(f"The message cannot be written as protobuf: {error}") from None
