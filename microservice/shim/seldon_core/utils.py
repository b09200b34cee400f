"""seldon_core.utils: the conversions between messages, JSON and arrays that raw hooks use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from google.protobuf import json_format

from microservice.asking import client_class_names, client_custom_tags, client_feature_names
from microservice.dispatch import plain
from microservice.proto_codec import PROTO, encode_data, message_to_json, messages
from microservice.protocol.errors import MicroserviceError
from microservice.protocol.payload import decode_message, encode_answer
from microservice.protocol.tensorflow import encode_tftensor

from .env_utils import NONIMPLEMENTED_MSG, get_image_name, get_model_name, getenv, getenv_as_bool

Json = dict[str, Any]
environment_readers = getenv, getenv_as_bool  # imported from here by classes


def json_to_seldon_message(message_json: Any) -> Any:
    """Return the SeldonMessage of a JSON object."""
    return parse(message_json, messages.SeldonMessage())


def json_to_seldon_messages(message_json: Any) -> Any:
    """Return the SeldonMessageList of a JSON object."""
    return parse(message_json, messages.SeldonMessageList())


def json_to_feedback(message_json: Any) -> Any:
    """Return the Feedback of a JSON object."""
    return parse(message_json, messages.Feedback())


def parse(message_json: Any, target: Any) -> Any:
    """Return `target` with a JSON object read into it; raises MicroserviceError when it does not fit."""
    try:
        return json_format.ParseDict(message_json or {}, target)
    except json_format.ParseError as error:
        raise MicroserviceError(f"Invalid JSON: {error}") from error


def seldon_message_to_json(message_proto: Any) -> Json:
    """Return a SeldonMessage as a JSON object."""
    return message_to_json(message_proto)


seldon_messages_to_json = feedback_to_json = seldon_message_to_json


def get_data_from_proto(request: Any) -> Any:
    """Return the payload of a SeldonMessage as a hook gets it."""
    return PROTO.decode(request).value


def get_meta_from_proto(request: Any) -> Json:
    """Return the meta of a SeldonMessage as a JSON object."""
    return PROTO.read_meta(request)


def grpc_datadef_to_array(datadef: Any) -> np.ndarray[Any, Any]:
    """Return the array of a DefaultData message."""
    found: np.ndarray[Any, Any] = PROTO.decode(messages.SeldonMessage(data=datadef)).value
    return found


def array_to_rest_datadef(data_type: str, array: np.ndarray[Any, Any], names: Iterable[str] = ()) -> Json:
    """Return the DefaultData object of an array."""
    if data_type == "tensor":
        content: Any = {"shape": list(array.shape), "values": array.ravel().tolist()}
        return {"names": list(names), "tensor": content}
    if data_type == "tftensor":
        return {"names": list(names), "tftensor": encode_tftensor(array)}
    return {"names": list(names), "ndarray": array.tolist()}


def array_to_grpc_datadef(data_type: str, array: np.ndarray[Any, Any], names: Iterable[str] = ()) -> Any:
    """Return the DefaultData message of an array."""
    data, target = array_to_rest_datadef(data_type, array, names), messages.DefaultData()
    if data_type == "tensor":
        data["tensor"]["values"] = array.ravel()
    elif data_type != "tftensor":
        data["ndarray"] = array
    encode_data(data, target)
    return target


def construct_response_json(  # noqa: PLR0917 - as Seldon Core has it
    user_model: Any,
    is_request: bool,
    client_request_raw: Any,
    client_raw_response: Any,
    meta: Json | None = None,
    custom_metrics: list[Json] | None = None,
    runtime_tags: Json | None = None,
) -> Json:
    """Return the JSON message that says `client_raw_response`, in the kind that the request had."""
    first = client_request_raw[0] if isinstance(client_request_raw, list) else client_request_raw
    payload, more = decode_message(first), (meta, custom_metrics, runtime_tags)
    columns = names_of(user_model, payload.names if is_request else None)
    return plain(compose(user_model, (payload.kind, client_raw_response, columns), more))


def construct_response(  # noqa: PLR0917 - as Seldon Core has it
    user_model: Any,
    is_request: bool,
    client_request: Any,
    client_raw_response: Any,
    meta: Json | None = None,
    custom_metrics: list[Json] | None = None,
    runtime_tags: Json | None = None,
) -> Any:
    """Return the SeldonMessage that says `client_raw_response`, in the kind that the request had."""
    payload, more = PROTO.decode(client_request), (meta, custom_metrics, runtime_tags)
    columns = names_of(user_model, payload.names if is_request else None)
    return PROTO.encode(compose(user_model, (payload.kind, client_raw_response, columns), more))


def compose(
    user_model: Any, said: tuple[Any, Any, Any], given: tuple[Json | None, list[Json] | None, Json | None]
) -> Json:
    """Return a message's content: the value in its kind, and the request's meta with the model's over it."""
    kind, value, columns = said
    meta, own, runtime_tags = given
    asked = meta or {}
    found = {
        "puid": asked.get("puid"),
        "tags": (asked.get("tags") or {}) | client_custom_tags(user_model) | (runtime_tags or {}),
        "metrics": [*(asked.get("metrics") or []), *(own or [])],
        "requestPath": asked.get("requestPath"),
    }
    return encode_answer(value, kind, columns) | {
        "meta": {name: each for name, each in found.items() if each}
    }


def names_of(user_model: Any, asked: list[str] | None) -> Callable[[int], list[str]]:
    """Return what names columns: of an answer the model's own names, of a request its `feature_names`."""
    if asked is not None:
        return lambda count: list(client_feature_names(user_model, asked))
    return lambda count: list(client_class_names(user_model, np.empty((1, count))))


def extract_feedback_request_parts(request: Any) -> tuple[Any, Any, Any, float]:
    """Return data, features, truth and reward of a Feedback message."""
    features = PROTO.decode(request.request).value
    has_truth = request.truth.WhichOneof("data_oneof") is not None
    truth = PROTO.decode(request.truth).value if has_truth else np.array([])
    return request.request.data, features, truth, request.reward


def extract_request_parts_json(request: Any) -> tuple[Any, Any, Any, str]:
    """Return payload, meta, data and kind of a JSON message."""
    features = decode_message(request).value
    kind = next(kind for kind in ("data", "jsonData", "strData", "binData") if kind in request)
    return features, request.get("meta"), request.get("data"), kind


def extract_request_parts(request: Any) -> tuple[Any, Json, Any, str]:
    """Return payload, meta, data and kind of a SeldonMessage."""
    kind = str(request.WhichOneof("data_oneof"))
    return get_data_from_proto(request), get_meta_from_proto(request), request.data, kind


def get_request_path() -> dict[str, str]:
    """Return this unit's place in `meta.requestPath`, none when it has no name."""
    name = get_model_name()
    return {} if name == NONIMPLEMENTED_MSG else {name: get_image_name()}
