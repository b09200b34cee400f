"""The data plane without HTTP: a message in, the component's hooks called in order, a message out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from microservice.component import Component, is_metric
from microservice.errors import BadMetricError
from microservice.metrics import Meter, record_custom, unit_labels
from microservice.protocol.errors import InvalidMessageError, UnusableAnswerError
from microservice.protocol.legacy import is_legacy_request, legacy_to_message, message_to_legacy
from microservice.protocol.payload import (
    Payload,
    decode_features,
    decode_message,
    encode_answer,
    shorten,
)
from microservice.settings import Settings

Json = dict[str, Any]
FEEDBACK_FIELDS = frozenset({"request", "response", "reward", "truth"})
NO_PAYLOAD = Payload("jsonData", None, [])


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply body and, when the model's own message set one, its HTTP status."""

    body: Json
    status: int = 200


class Dispatcher:
    """Calls one component for whoever speaks to it; REST today, and whatever comes later, share it."""

    def __init__(self, component: Component, settings: Settings, meter: Meter, worker: str = "0") -> None:
        self._component = component
        self._settings = settings
        self._meter = meter
        self._labels = unit_labels(settings.identity, settings.model_name, worker)

    def predict(self, message: Any) -> Answer:
        """Return the SeldonMessage that answers a SeldonMessage."""
        component = self._component
        if component.predict_raw is not None:
            return self._answer_raw(component.predict_raw(message))
        payload = decode_message(message)
        meta = read_meta(message)
        result = component.predict(payload.value, payload.names, meta)
        content = encode_answer(result, payload.kind, component.name_columns)
        return Answer(content | {"meta": self._compose_meta(meta, "predict")})

    def predict_legacy(self, body: Any) -> Answer:
        """Return the Seldon Server answer to a body of either form."""
        name = self._settings.model_name
        if self._component.predict_raw is not None:
            message = legacy_to_message(body) if is_legacy_request(body) else body
            raw = self._answer_raw(self._component.predict_raw(message))
            is_failure = raw.status >= 400
            return raw if is_failure else Answer(message_to_legacy(plain(raw.body), name), raw.status)
        payload = decode_features(body) if is_legacy_request(body) else decode_message(body)
        meta = read_meta(body)
        result = self._component.predict(payload.value, payload.names, meta)
        content = encode_answer(result, "ndarray", self._class_columns)
        self._compose_meta(meta, "predict")
        return Answer(message_to_legacy(plain(content), name))

    def predict_either(self, body: Any) -> Answer:
        """Return the answer in the form of the body: Seldon Server's for its own, else Seldon Core's."""
        return self.predict_legacy(body) if is_legacy_request(body) else self.predict(body)

    def send_feedback(self, feedback: Any) -> Answer:
        """Return what the class says to a reward; an empty array when it has no `send_feedback`."""
        if not isinstance(feedback, dict) or feedback.keys() - FEEDBACK_FIELDS:
            raise InvalidMessageError("Feedback is an object of request, response, reward and truth")
        reward = feedback.get("reward", 0.0)
        if isinstance(reward, bool) or not isinstance(reward, int | float):
            raise InvalidMessageError(f"reward must be a number, not {shorten(reward)}")
        request = feedback.get("request") or {"data": {}}
        payload = decode_message(request)
        result = self._call_feedback(payload, reward, feedback)
        self._count_reward(reward)
        content = encode_answer([] if result is None else result, payload.kind, self._component.name_columns)
        return Answer(content | {"meta": self._compose_meta(read_meta(request), "feedback")})

    def report_health(self) -> Answer:
        """Return `health_status` as a SeldonMessage."""
        content = encode_answer(
            self._component.health_status(), NO_PAYLOAD.kind, self._component.name_columns
        )
        return Answer(content | {"meta": self._compose_meta({}, "health")})

    def describe_model(self) -> Answer:
        """Return the model's metadata: what the class says over what its image's name says."""
        image, _, version = self._settings.identity.image.rpartition(":")
        name = image or version or self._settings.model_name
        versions = [version] if image else []
        known = {
            "name": name,
            "versions": versions,
            "platform": "",
            "inputs": [],
            "outputs": [],
            "custom": {},
        }
        return Answer(known | self._component.metadata())

    def _class_columns(self, count: int) -> Sequence[str]:
        return self._component.class_names()

    def _call_feedback(self, payload: Payload, reward: float, feedback: Json) -> Any:
        if self._component.send_feedback is None:
            return None
        truth = decode_message(feedback["truth"]).value if feedback.get("truth") else np.array([])
        routing = read_meta(feedback.get("response") or {}).get("routing") or {}
        unit = self._settings.identity.unit or "0"
        return self._component.send_feedback(
            payload.value, payload.names, reward, truth, routing=routing.get(unit)
        )

    def _count_reward(self, reward: float) -> None:
        if reward:
            labels = tuple(sorted(self._labels.items()))
            self._meter.count("seldon_api_model_feedback", labels)
            self._meter.count("seldon_api_model_feedback_reward", labels, reward)

    def _compose_meta(self, asked: Json, method: str) -> Json:
        """Return the answer's meta: the request's, with the component's tags, metrics and place added."""
        tags = (asked.get("tags") or {}) | self._component.tags()
        own = self._component.metrics()
        record_custom(self._meter, self._labels, method, own)
        metrics = [*(asked.get("metrics") or []), *own] if self._settings.metrics_in_answers else []
        unit = self._settings.identity.unit
        place = {unit: self._settings.identity.image} if unit else {}
        found = {
            "puid": asked.get("puid"),
            "tags": tags,
            "metrics": metrics,
            "requestPath": place | (asked.get("requestPath") or {}),
        }
        return {name: value for name, value in found.items() if value}

    def _answer_raw(self, reply: Any) -> Answer:
        """Return a raw reply untouched, with the status it asks for; its metrics are recorded."""
        if not isinstance(reply, dict):
            raise UnusableAnswerError(f"predict_raw must return a dict, not {shorten(reply)}")
        meta = reply.get("meta")
        metrics = (meta.get("metrics") if isinstance(meta, dict) else None) or []
        if not isinstance(metrics, list) or not all(is_metric(entry) for entry in metrics):
            raise BadMetricError(shorten(metrics))
        record_custom(self._meter, self._labels, "predict", metrics)
        return Answer(reply, read_status(reply))


def read_meta(message: Any) -> Json:
    """Return a message's meta, empty when it has none; raises InvalidMessageError for a wrong one."""
    meta = (message.get("meta") if isinstance(message, dict) else None) or {}
    if not isinstance(meta, dict):
        raise InvalidMessageError(f"meta must be an object, not {shorten(meta)}")
    checks: tuple[tuple[str, type], ...] = (
        ("puid", str), ("tags", dict), ("routing", dict), ("requestPath", dict), ("metrics", list),
    )  # fmt: skip
    for field, kind in checks:
        if meta.get(field) is not None and not isinstance(meta[field], kind):
            raise InvalidMessageError(f"meta.{field} is a {type(meta[field]).__name__}, not {kind.__name__}")
    return meta


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
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: to_list(below) for key, below in value.items()}
    return value
