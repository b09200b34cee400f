"""Messages from what a caller of the client says: one payload of any kind, and meta."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from microservice.client.told import SeldonClientException, Told
from microservice.dispatch import plain
from microservice.proto_codec import PROTO, json_to_message, message_to_json, messages
from microservice.protocol.errors import UnusableAnswerError
from microservice.protocol.payload import encode_array

Json = dict[str, Any]
RANDOM = np.random.default_rng()


def make_content(told: Told, data: Any = None) -> Json:
    """Return a SeldonMessage as JSON has it, arrays as lists; without a payload a random one of `shape`."""
    if told.raw_data is not None:
        return dict(told.raw_data)
    return plain(
        {"meta": dict(told.meta or {}), **make_payload(told, data if data is not None else told.data)}
    )


def make_payload(told: Told, data: Any) -> Json:
    """Return the part of a message that holds its payload."""
    if told.bin_data is not None:
        return {"binData": base64.b64encode(told.bin_data).decode()}
    if told.str_data is not None:
        return {"strData": told.str_data}
    if told.json_data is not None:
        return {"jsonData": told.json_data}
    if told.custom_data is not None:
        return {"customData": told.custom_data}
    array = np.asarray(data) if data is not None else RANDOM.random(tuple(told.shape))
    names = list(told.names or [])
    made = encode_array(array, told.payload_type, lambda count: names)  # type: ignore[arg-type]
    return {"data": {**made, "names": names}}


def make_list(told: Told) -> Json:
    """Return a SeldonMessageList of `datas`, or of `ndatas` random arrays."""
    datas = told.datas if told.datas is not None else [None] * (told.ndatas or 1)
    return {"seldonMessages": [make_content(told, data) for data in datas]}


def to_proto(content: Json, kind: str = "SeldonMessage") -> Any:
    """Return the protobuf message of a JSON object; raises SeldonClientException when it is none."""
    custom = content.get("customData")
    if custom is not None and hasattr(custom, "DESCRIPTOR"):
        return PROTO.encode({"customData": custom, "meta": content.get("meta") or {}})
    try:
        return json_to_message(content, getattr(messages, kind)())
    except UnusableAnswerError as error:
        raise SeldonClientException(f"this is no {kind}: {error}") from error


def to_json(message: Any) -> Json:
    """Return a message, protobuf or JSON, as a JSON object."""
    if message is None:
        return {}
    return message if isinstance(message, dict) else message_to_json(message)


def make_feedback(told: Told, request: Any, response: Any, truth: Any, reward: float) -> Json:
    """Return a Feedback as JSON has it."""
    if told.raw_data is not None:
        return dict(told.raw_data)
    found: Json = {"request": to_json(request), "response": to_json(response), "reward": reward}
    return found | ({"truth": to_json(truth)} if truth is not None else {})
