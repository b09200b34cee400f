"""The `predict.live` record of a prediction, and which are kept with what struck out.

`/all_clients/<client>/predict_log` is `{"sample": 0 … 1, "redact": ["data.email", …]}`; a path names a field
of the input and of the answer, or a named column of their tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from predictions.protocols.base import Document as Message
from predictions.records import Ask, Outcome
from predictions.traffic import point_of
from stores.config.places import Place
from stores.config.records import Document

REDACTED: Final = "[redacted]"


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """Which share of a client's predictions is recorded, and the paths whose values are struck out."""

    sample: float = 1.0
    redact: tuple[tuple[str, ...], ...] = ()

    def keeps(self, puid: str) -> bool:
        """Whether the prediction of `puid` is recorded; all of a puid's are, or none."""
        return self.sample >= 1 or (self.sample > 0 and point_of(puid, "predict_log") < self.sample)


EVERYTHING: Final = LogPolicy()


def compile_policy(document: Document) -> LogPolicy:
    """The policy that `document` describes."""
    return parse_policy(document.path, document.value)


def parse_policy(path: str, value: Any) -> LogPolicy:
    """The policy that `value` describes; ConfigInvalidError with place and reason otherwise."""
    root = Place(path, value)
    root.only("sample", "redact")
    sample = root.at("sample").number() if root.has("sample") else 1.0
    if not 0 <= sample <= 1:
        root.at("sample").refuse("the share that is recorded is 0 to 1")
    places = root.at("redact") if root.has("redact") else Place(path, [])
    redact = [tuple(places.at(index).text().split(".")) for index in range(len(places.elements()))]
    for index, steps in enumerate(redact):
        if not all(steps):
            places.at(index).refuse("a path is names joined by single dots")
    return LogPolicy(sample, tuple(redact))


class Prediction(NamedTuple):
    """One answered prediction as it is recorded. `answer` is what the caller got, a JSON text."""

    ask: Ask
    outcome: Outcome
    answer: bytes
    model: str
    variation: str
    seconds: float
    is_shadow: bool = False


def line_of(prediction: Prediction, policy: LogPolicy, timestamp: int) -> bytes:
    """The record as one line of JSON: what Seldon Server logged, and what it could not say."""
    ask, outcome = prediction.ask, prediction.outcome
    given, answer = ask.body, prediction.answer
    if policy.redact:
        given, answer = (
            orjson.dumps(redacted(orjson.loads(text), policy.redact)) for text in (given, answer)
        )
    marks = b',"shadow":true' if prediction.is_shadow else b""
    if outcome.is_default_output:
        marks += b',"default_output":true'
    return (b'{"consumer":%b,"input":%b,"prediction":%b,"puid":%b,%b,"latency_ms":%.3f,"timestamp":%d%b}') % (
        orjson.dumps(ask.client),
        _flat(given),
        _flat(answer),
        orjson.dumps(ask.puid),
        _source(ask.client, prediction.variation, prediction.model, outcome.microservice),
        prediction.seconds * 1000,
        timestamp,
        marks,
    )


@lru_cache(maxsize=4096)
def _source(client: str, variation: str, model: str, microservice: str) -> bytes:
    """Who answered, as the inside of a JSON object."""
    facts = {"variation": variation, "model": model, "microservice": microservice, "client": client}
    return orjson.dumps(facts)[1:-1]


def _flat(text: bytes) -> bytes:
    """`text` on one line: in JSON a raw line break can only be white space."""
    if b"\n" in text or b"\r" in text:
        return text.replace(b"\r", b" ").replace(b"\n", b" ")
    return text


def redacted(document: Any, paths: tuple[tuple[str, ...], ...]) -> Any:
    """`document`, changed in place, with what the paths name struck out."""
    for path in paths:
        _strike(document, path)
    return document


def _strike(value: Any, path: tuple[str, ...]) -> None:
    if isinstance(value, list):
        for item in value:
            _strike(item, path)
        return
    if not isinstance(value, dict):
        return
    key, rest = path[0], path[1:]
    if rest:
        _strike(value.get(key), rest)
    elif key in value:
        value[key] = REDACTED
    elif key in (names := _names(value)):
        _strike_column(value, names.index(key), len(names))


def _names(data: Message) -> list[Any]:
    names = data.get("names")
    return names if isinstance(names, list) else []


def _strike_column(data: Message, index: int, width: int) -> None:
    """Strike one column of Seldon Core's `{"names", "ndarray" | "tensor"}`."""
    for row in data.get("ndarray") or ():
        if isinstance(row, list) and index < len(row):
            row[index] = REDACTED
    tensor = data.get("tensor")
    if isinstance(tensor, dict) and isinstance(tensor.get("values"), list):
        tensor["values"] = [
            REDACTED if place % width == index else value for place, value in enumerate(tensor["values"])
        ]
