"""What the dispatcher needs to know of a dialect, and the JSON dialect; protobuf's is in proto_codec.py."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

from microservice.hooks import FEEDBACK, Operation
from microservice.protocol.errors import InvalidMessageError, UnusableAnswerError
from microservice.protocol.payload import Payload, decode_message, shorten

Json = dict[str, Any]
FEEDBACK_FIELDS = ("request", "response", "reward", "truth")
META_FIELDS: tuple[tuple[str, type], ...] = (
    ("puid", str), ("tags", dict), ("routing", dict), ("requestPath", dict), ("metrics", list),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Feedback:
    """The parts of a feedback message; the request and the truth as messages, None where there is none."""

    request: Any
    truth: Any
    reward: float
    routing: Json


class Codec(Protocol):
    """One way of writing SeldonMessages."""

    dialect: str

    def decode(self, message: Any) -> Payload:
        """Return what a hook is given for a message."""

    def read_meta(self, message: Any) -> Json:
        """Return a message's meta as JSON objects."""

    def read_list(self, messages: Any) -> list[Any]:
        """Return the messages that are to be aggregated."""

    def read_feedback(self, message: Any) -> Feedback:
        """Return the parts of a feedback message."""

    def to_raw(self, operation: Operation, hook_name: str, message: Any) -> Any:
        """Return the message as a raw hook gets it."""

    def encode(self, content: Json) -> Any:
        """Return the message that says `content`, whose arrays are numpy's."""

    def adopt(self, operation: Operation, reply: Any) -> tuple[Any, Json]:
        """Return a raw hook's message as it goes out, and what it holds besides its payload."""


class JsonCodec:
    """SeldonMessages as Python dicts."""

    dialect = "rest"

    def decode(self, message: Any) -> Payload:
        """Return what a hook is given for a message."""
        return decode_message(message)

    def read_meta(self, message: Any) -> Json:
        """Return a message's meta, empty when it has none; raises InvalidMessageError for a wrong one."""
        meta = (message.get("meta") if isinstance(message, dict) else None) or {}
        if not isinstance(meta, dict):
            raise InvalidMessageError(f"meta must be an object, not {shorten(meta)}")
        for field, kind in META_FIELDS:
            value = meta.get(field)
            if value is not None and not isinstance(value, kind):
                raise InvalidMessageError(f"meta.{field} is a {type(value).__name__}, not {kind.__name__}")
        return meta

    def read_list(self, messages: Any) -> list[Any]:
        """Return the messages of `{"seldonMessages": [...]}` or of a bare array."""
        found = messages.get("seldonMessages") if isinstance(messages, dict) else messages
        if not isinstance(found, list) or not found:
            raise InvalidMessageError(
                f"Invalid request data type: {shorten(messages)}; to aggregate, send an array of messages, "
                "or it as seldonMessages"
            )
        return found

    def read_feedback(self, message: Any) -> Feedback:
        """Return the parts of a feedback message; raises InvalidMessageError for any other field."""
        if not isinstance(message, dict):
            raise InvalidMessageError(f"Invalid request data type: {shorten(message)}; feedback is an object")
        check_fields(message)
        reward = read_reward(message.get("reward"))
        routing = self.read_meta(message.get("response") or {}).get("routing") or {}
        return Feedback(message.get("request") or {"data": {}}, message.get("truth") or None, reward, routing)

    def to_raw(self, operation: Operation, hook_name: str, message: Any) -> Any:
        """Return the message as it came; feedback as the protobuf message that Seldon Core hands over."""
        if operation is not FEEDBACK:
            return message
        from microservice.proto_codec import json_to_feedback  # noqa: PLC0415 - protobuf, if it is needed

        self.read_feedback(message)
        return json_to_feedback(message, as_text=hook_name.endswith("_rest"))

    def encode(self, content: Json) -> Json:
        """Return the content itself; wire.py writes numpy's arrays."""
        return content

    def adopt(self, operation: Operation, reply: Any) -> tuple[Any, Json]:
        """Return a dict or the JSON text of one as it is, a protobuf message as a dict."""
        if isinstance(reply, dict):
            return reply, reply
        if isinstance(reply, bytes | str):
            return reply, {}
        if hasattr(reply, "DESCRIPTOR"):
            from microservice.proto_codec import message_to_json  # noqa: PLC0415 - the hook has it anyway

            return message_to_json(reply), message_to_json(reply)
        raise UnusableAnswerError(f"{operation.name}_raw must return a dict, not {shorten(reply)}")


def check_fields(feedback: Json) -> None:
    """Raise InvalidMessageError for a field that feedback has not, in protobuf's words for it."""
    unknown = next((field for field in feedback if field not in FEEDBACK_FIELDS), None)
    if unknown is not None:
        raise InvalidMessageError(
            f'Invalid JSON: Message type "seldon.protos.Feedback" has no field named "{unknown}" at '
            f'"Feedback"; it has {", ".join(FEEDBACK_FIELDS)}'
        )


def read_reward(value: Any) -> float:
    """Return the reward of a feedback, 0 when it has none; numbers as texts are read, as protobuf does."""
    if value is None:
        return 0.0
    try:
        reward = float(value) if isinstance(value, str) else value
    except ValueError:
        reward = None
    if isinstance(reward, bool) or not isinstance(reward, int | float) or not math.isfinite(reward):
        raise InvalidMessageError(f"Invalid JSON: reward must be a number, not {shorten(value)}")
    return reward


JSON = JsonCodec()
