"""The data plane without a door: a message in, the component's hooks called in order, a message out.

Everything here is a coroutine. Where the hooks are plain methods none of them waits for anything, and
hooks.drive runs it to its end in a thread; where they are async it runs on the event loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from microservice.codecs import JSON, Codec, Feedback
from microservice.component import Component, check_metrics
from microservice.hooks import (
    AGGREGATE,
    FEEDBACK,
    HEALTH,
    PREDICT,
    ROUTE,
    TRANSFORM_INPUT,
    TRANSFORM_OUTPUT,
    Operation,
)
from microservice.metadata import compose_metadata
from microservice.metrics import Meter, record_custom, unit_labels
from microservice.protocol.errors import InvalidMessageError, MicroserviceError
from microservice.protocol.legacy import is_legacy_request, legacy_to_message, message_to_legacy
from microservice.protocol.payload import Kind, decode_features, encode_answer, shorten
from microservice.settings import Settings

if TYPE_CHECKING:
    from microservice.batching import Batcher

Json = dict[str, Any]


class Answer(NamedTuple):
    """A reply and, when the model's own message set one, its HTTP status."""

    body: Any
    status: int = 200
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Result(NamedTuple):
    """What a hook returned, and the tags and metrics that a SeldonResponse had for this call alone."""

    value: Any
    tags: Json
    metrics: list[Json]


class Dispatcher:
    """Calls one component for whoever speaks to it: REST, gRPC and the v2 protocol share it."""

    def __init__(self, component: Component, settings: Settings, meter: Meter, worker: str = "0") -> None:
        self.component = component
        self.settings = settings
        self.meter = meter
        self.batcher: Batcher | None = None
        self._labels = unit_labels(settings.identity, settings.model_name, worker)
        self._reward_labels = tuple(sorted((self._labels | {"method": FEEDBACK.method}).items()))
        self._metadata: Json | None = None

    def runs_on_loop(self, operation: Operation) -> bool:
        """Say whether an operation must be run on the event loop and not in a thread."""
        return self.component.runs_on_loop(operation) or (operation is PREDICT and self.batcher is not None)

    async def predict(self, message: Any, codec: Codec = JSON) -> Answer:
        """Return the message that answers a message; an empty array when the class has no `predict`."""
        return await self._transform(PREDICT, message, codec)

    async def transform_input(self, message: Any, codec: Codec = JSON) -> Answer:
        """Return the message with its payload transformed, or as it is without the hook."""
        return await self._transform(TRANSFORM_INPUT, message, codec)

    async def transform_output(self, message: Any, codec: Codec = JSON) -> Answer:
        """Return the message with its payload transformed, or as it is without the hook."""
        return await self._transform(TRANSFORM_OUTPUT, message, codec)

    async def route(self, message: Any, codec: Codec = JSON) -> Answer:
        """Return the number of the child to go to, as an array of one row and column."""
        raw = await self.try_raw(ROUTE, message, codec)
        if raw is not None:
            return raw
        payload, meta = codec.decode(message), codec.read_meta(message)
        result = await self._ask(ROUTE, (payload.value, payload.names), meta)
        branch = read_branch(result.value)
        result = Result([[branch]], result.tags, result.metrics)
        return self._reply(ROUTE, result, payload.kind, {"puid": meta.get("puid")}, codec)

    async def aggregate(self, messages: Any, codec: Codec = JSON) -> Answer:
        """Return one message for several; its meta is all of theirs."""
        raw = await self.try_raw(AGGREGATE, messages, codec)
        if raw is not None:
            return raw
        parts = codec.read_list(messages)
        payloads = [codec.decode(part) for part in parts]
        meta = merge_metas([codec.read_meta(part) for part in parts])
        arguments = [payload.value for payload in payloads], [payload.names for payload in payloads]
        result = await self._ask(AGGREGATE, arguments, meta)
        return self._reply(AGGREGATE, result, payloads[0].kind, meta, codec)

    async def send_feedback(self, message: Any, codec: Codec = JSON) -> Answer:
        """Return what the class says to a reward; an empty array when it has no `send_feedback`."""
        feedback = codec.read_feedback(message)
        raw = await self.try_raw(FEEDBACK, message, codec)
        if raw is None:
            raw = await self._call_feedback(feedback, codec)
        if feedback.reward:
            self.meter.count("seldon_api_model_feedback", self._reward_labels)
            self.meter.count("seldon_api_model_feedback_reward", self._reward_labels, feedback.reward)
        return raw

    async def report_health(self, codec: Codec = JSON) -> Answer:
        """Return `health_status` as a message."""
        raw = await self.try_raw(HEALTH, None, codec)
        if raw is not None:
            return raw
        result = await self._ask(HEALTH, (), None)
        return self._reply(HEALTH, result, "jsonData", {}, codec)

    async def describe_model(self) -> Answer:
        """Return the model's metadata; raises BadMetadataError when what is said about it is wrong."""
        if self._metadata is None:
            self._metadata = compose_metadata(self.settings, self.component.metadata())
        return Answer(self._metadata)

    async def ask_value(self, operation: Operation, value: Any, names: list[Any], meta: Json) -> Result:
        """Return what an operation's hook says to a value, for protocols that have no SeldonMessage."""
        result = await self._ask(operation, (value, names), meta)
        tags = self.component.tags() | result.tags
        record_custom(self.meter, self._labels, operation.method, self.component.metrics() + result.metrics)
        return Result(result.value, tags, [])

    async def predict_legacy(self, body: Any) -> Answer:
        """Return the Seldon Server answer to a body of either form."""
        name = self.settings.model_name
        message = legacy_to_message(body) if is_legacy_request(body) else body
        raw = await self.try_raw(PREDICT, message, JSON)
        if raw is not None:
            is_failure = raw.status >= 400
            return raw if is_failure else Answer(message_to_legacy(plain(raw.body), name), raw.status)
        payload = decode_features(body) if is_legacy_request(body) else JSON.decode(body)
        result = await self.ask_value(PREDICT, payload.value, payload.names, JSON.read_meta(body))
        content = encode_answer(result.value, "ndarray", self._class_columns)
        return Answer(message_to_legacy(plain(content), name))

    async def predict_either(self, body: Any) -> Answer:
        """Return the answer in the form of the body: Seldon Server's for its own, else Seldon Core's."""
        return await (self.predict_legacy(body) if is_legacy_request(body) else self.predict(body))

    def _class_columns(self, count: int) -> Sequence[str]:
        return self.component.class_names()

    async def _transform(self, operation: Operation, message: Any, codec: Codec) -> Answer:
        raw = await self.try_raw(operation, message, codec)
        if raw is not None:
            return raw
        payload = codec.decode(message)
        meta = codec.read_meta(message)
        result = await self._ask(operation, (payload.value, payload.names), meta)
        return self._reply(operation, result, payload.kind, meta, codec)

    async def try_raw(self, operation: Operation, message: Any, codec: Codec) -> Answer | None:
        """Return the answer of the first raw hook that is implemented, None when there is none."""
        for hook in self.component.raw_hooks(operation, codec.dialect):
            name = getattr(hook.function, "__name__", "")
            given = () if operation is HEALTH else (codec.to_raw(operation, name, message),)
            try:
                reply = await hook.call(*given)
            except self.component.missing:
                continue
            return self._adopt(operation, reply, codec)
        return None

    async def _ask(self, operation: Operation, arguments: tuple[Any, ...], more: Any) -> Result:
        """Return what the hook says, or what stands for one that is missing."""
        hook = self.component.hooks[operation.name]
        if hook is None:
            return Result(self._stand_in(operation, arguments), {}, [])
        try:
            if operation is PREDICT and self.batcher is not None:
                found = await self.batcher.call(arguments, more)
            else:
                found = await hook.call(*arguments, more=more)
        except self.component.missing:
            found = self._stand_in(operation, arguments)
        return unwrap(found)

    def _stand_in(self, operation: Operation, arguments: tuple[Any, ...]) -> Any:
        """Return what Seldon Core answers for a hook that the class does not have."""
        if operation is HEALTH:
            return "not implemented - assuming healthy" if self.component.is_base else "healthy"
        if operation in (TRANSFORM_INPUT, TRANSFORM_OUTPUT):
            return arguments[0]
        if operation in (ROUTE, AGGREGATE):
            # The base class's own hook says it in other words, which its callers may know.
            is_said = f"{operation.name} is not implemented"
            raise InvalidMessageError(
                is_said if self.component.is_base else f"{operation.name.capitalize()} not defined"
            )
        return []

    async def _call_feedback(self, feedback: Feedback, codec: Codec) -> Answer:
        payload = codec.decode(feedback.request)
        truth = codec.decode(feedback.truth).value if feedback.truth is not None else np.array([])
        routing = feedback.routing.get(self.settings.identity.unit or "0")
        arguments = payload.value, payload.names, feedback.reward, truth
        result = await self._ask(FEEDBACK, arguments, routing)
        if result.value is None:
            result = Result([], result.tags, result.metrics)
        return self._reply(FEEDBACK, result, payload.kind, codec.read_meta(feedback.request), codec)

    def _reply(self, operation: Operation, result: Result, kind: Kind, meta: Json, codec: Codec) -> Answer:
        """Return the message for what a hook returned."""
        content = encode_answer(result.value, kind, self.component.name_columns)
        return Answer(codec.encode(content | {"meta": self._compose_meta(meta, operation.method, result)}))

    def _compose_meta(self, asked: Json, method: str, result: Result) -> Json:
        """Return the answer's meta: the request's, with the component's tags, metrics and place added."""
        own, metrics = self.component.metrics() + result.metrics, asked.get("metrics")
        if own:
            record_custom(self.meter, self._labels, method, own)
            metrics = [*(metrics or []), *(name_method(entry, method) for entry in own)]
        unit = self.settings.identity.unit
        place = {unit: self.settings.identity.image} if unit else {}
        found = {
            "puid": asked.get("puid"),
            "tags": (asked.get("tags") or {}) | self.component.tags() | result.tags,
            "metrics": metrics if self.settings.metrics_in_answers else None,
            "requestPath": place | (asked.get("requestPath") or {}),
        }
        return {name: value for name, value in found.items() if value}

    def _adopt(self, operation: Operation, reply: Any, codec: Codec) -> Answer:
        """Return a raw reply untouched, with the status it asks for; its metrics are recorded."""
        body, seen = codec.adopt(operation, reply)
        meta = seen.get("meta")
        metrics = (meta.get("metrics") if isinstance(meta, dict) else None) or []
        record_custom(self.meter, self._labels, operation.method, check_metrics(metrics))
        return Answer(body, read_status(seen))


def unwrap(found: Any) -> Result:
    """Return a hook's value; a SeldonResponse, ours or seldon_core's, has tags and metrics beside it."""
    if type(found).__name__ != "SeldonResponse":
        return Result(found, {}, [])
    return Result(found.data, dict(found.tags or {}), check_metrics(list(found.metrics or [])))


def read_branch(value: Any) -> int:
    """Return the child a router chose; raises MicroserviceError for anything but a whole number."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    raise MicroserviceError(f"Routing response must be int but got {shorten(value)}")


def name_method(metric: Json, method: str) -> Json:
    """Return a metric as it stands in an answer: one with tags has the operation among them."""
    tags = metric.get("tags")
    return metric if tags is None else metric | {"tags": tags | {"method": method}}


def merge_metas(metas: Sequence[Json]) -> Json:
    """Return the meta of an aggregate: the first puid, all tags, places and metrics in order."""
    merged: Json = {"puid": metas[0].get("puid"), "tags": {}, "requestPath": {}, "metrics": []}
    for meta in metas:
        merged["tags"].update(meta.get("tags") or {})
        merged["requestPath"].update(meta.get("requestPath") or {})
        merged["metrics"].extend(meta.get("metrics") or [])
    return merged


def read_status(reply: Json) -> int:
    """Return the HTTP status a reply's `status.code` asks for, 200 when it names none."""
    status = reply.get("status")
    code = status.get("code") if isinstance(status, dict) else None
    return code if isinstance(code, int) and 200 <= code <= 599 else 200


def plain(message: Json) -> Json:
    """Return a message with its arrays as lists."""
    data = message.get("data")
    if not isinstance(data, dict):
        return message
    return message | {"data": {key: to_list(value) for key, value in data.items()}}


def to_list(value: Any) -> Any:
    """Return an array as nested lists, also the values of a tensor, and anything else as it is."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, dict):
        return {key: to_list(below) for key, below in value.items()}
    return [to_list(below) for below in value] if isinstance(value, list | tuple) else value
