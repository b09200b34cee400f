"""SeldonMessages between their two wire forms: JSON text and protobuf bytes."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from microservice.protocol import prediction_pb2 as pb
from predictions.errors import MessageError
from predictions.graphs.telling import tell

Json = dict[str, Any]
NO_META: Final[Json] = {}
FAILURE: Final = pb.Status.FAILURE
# A reader of protobuf takes a hundred levels: a list in JSON is two of them, an object three.
_DEEPEST_LISTS: Final = 45
_DEEPEST: Final = 64


def to_proto(body: bytes) -> bytes:
    """The bytes of the SeldonMessage that the JSON `body` says; MessageError when protobuf cannot say it."""
    return bytes(build(orjson.loads(body)).SerializeToString())


def build(document: Json) -> pb.SeldonMessage:
    """The message that `document` says; unknown fields are left out, as protobuf's JSON does."""
    message = pb.SeldonMessage()
    data = document.get("data")
    rest = document
    if isinstance(data, dict) and _is_quick(data):
        rest = {key: value for key, value in document.items() if key != "data"}
        _write_data(data, message.data)
    _parse(rest, message)
    return message


def to_proto_leniently(body: bytes) -> bytes | None:
    """The same of a text in which NaN may stand, as Python writes it; None when protobuf cannot say it."""
    try:
        return bytes(build(json.loads(body)).SerializeToString())
    except (MessageError, TypeError, ValueError):
        return None


def to_json(raw: bytes) -> bytes:
    """The JSON text of the SeldonMessage in `raw`, NaN as null; MessageError when JSON cannot say it."""
    return to_json_text(raw)[0]


def to_json_text(raw: bytes, meta: Json | None = None) -> tuple[bytes, str]:
    """The same, and where the first number stands that became null.

    `meta` is what the message's own says, where that is known: protobuf leaves out what is empty.
    """
    document = describe(parse(raw))
    return tell({**document, "meta": meta} if meta else document)


def read_proto(kind: Any, raw: bytes) -> Any:
    """The message of class `kind` in `raw`; MessageError when it is none."""
    try:
        return kind.FromString(raw)
    except DecodeError as error:
        raise MessageError(f"The bytes are no {kind.__name__}: {error}") from None


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
    """`raw` with `meta` in place of its own."""
    message = parse(raw)
    message.ClearField("meta")
    message.meta.SetInParent()
    _parse(meta, message.meta)
    return bytes(message.SerializeToString())


def feedback_to_proto(body: bytes) -> bytes:
    """The bytes of the Feedback that the JSON `body` says."""
    document = orjson.loads(body)
    feedback = pb.Feedback(reward=float(document.get("reward") or 0.0))
    for key in ("request", "response", "truth"):
        if isinstance(document.get(key), dict):
            getattr(feedback, key).CopyFrom(build(document[key]))
    return bytes(feedback.SerializeToString())


def feedback_to_json(feedback: pb.Feedback) -> Json:
    """A Feedback as JSON has it; what it does not hold is left out."""
    found: Json = {"reward": feedback.reward}
    for key in ("request", "response", "truth"):
        if feedback.HasField(key):
            found[key] = describe(getattr(feedback, key))
    return found


def _is_quick(data: Json) -> bool:
    """Whether there is a table that is written without protobuf's own, slow reader of JSON."""
    tensor = data.get("tensor")
    return isinstance(data.get("ndarray"), list) or (isinstance(tensor, dict) and "tftensor" not in data)


def _write_data(data: Json, target: pb.DefaultData) -> None:
    target.SetInParent()
    try:
        target.names.extend(str(name) for name in data.get("names") or ())
        tensor = data.get("tensor")
        if isinstance(tensor, dict):
            target.tensor.shape.extend(tensor.get("shape") or ())
            target.tensor.values.extend(tensor.get("values") or ())
            target.tensor.SetInParent()
        else:
            target.ndarray.SetInParent()
            _write_list(data["ndarray"], target.ndarray)
    except (json_format.Error, TypeError, ValueError, RecursionError) as error:
        raise MessageError(f"`data` cannot be written as protobuf: {error}") from None


def _write_list(values: list[Any], target: Any, depth: int = 1) -> None:
    if depth > _DEEPEST_LISTS:
        raise ValueError(f"its lists are more than {_DEEPEST_LISTS} deep")
    for value in values:
        below = target.values.add()
        if isinstance(value, list):
            below.list_value.SetInParent()
            _write_list(value, below.list_value, depth + 1)
        elif isinstance(value, bool):
            below.bool_value = value
        elif isinstance(value, int | float):
            below.number_value = value
        elif isinstance(value, str):
            below.string_value = value
        else:
            json_format.ParseDict(value, below, max_recursion_depth=_DEEPEST - 2 * depth)


def _describe_data(data: pb.DefaultData) -> Json:
    kind = data.WhichOneof("data_oneof")
    found: Json = {"names": list(data.names)}
    if kind == "tensor":
        found["tensor"] = {"shape": list(data.tensor.shape), "values": list(data.tensor.values)}
    elif kind == "ndarray":
        found["ndarray"] = [_read_value(value) for value in data.ndarray.values]
    elif kind == "tftensor":
        found["tftensor"] = _document(data.tftensor)
    return found


def _read_value(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        return value.number_value
    if kind == "list_value":
        return [_read_value(each) for each in value.list_value.values]
    if kind == "struct_value":
        return {key: _read_value(each) for key, each in value.struct_value.fields.items()}
    return None if kind in (None, "null_value") else getattr(value, kind)


def _document(message: Any) -> Json:
    try:
        found: Json = json_format.MessageToDict(message)
    except (json_format.Error, DecodeError, TypeError, ValueError, RecursionError) as error:
        raise MessageError(f"The message cannot be written as JSON: {error}") from None
    return found


def _parse(document: Json, target: Any) -> None:
    try:
        json_format.ParseDict(document, target, ignore_unknown_fields=True, max_recursion_depth=_DEEPEST)
    except (json_format.Error, TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
        # Of an Any whose JSON is none it tells by whatever its own code stumbles over.
        raise MessageError(f"The message cannot be written as protobuf: {error}") from None
