"""The gateway's own facts in an answer: puid, variation, model, routing, tags."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from predictions.protocols.base import Document, object_in
from predictions.protocols.legacy import as_entry, model_name_of

# The router of a strategy is one node in Seldon Core's words; this is its name in `meta.routing`.
STRATEGY_NODE: Final = "predict_algs"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the gateway knows of a prediction and the microservice does not.

    `branch` is the index of the variation in the strategy, -1 when there is no choice.
    """

    puid: str
    microservice: str
    variation: str
    branch: int = -1
    is_default_output: bool = False
    request_meta: dict[str, Any] = field(default_factory=dict)


def finish(protocol: str, document: Document, body: bytes, facts: Facts) -> tuple[bytes, str]:
    """The answer as the caller gets it, and the name of the model that gave it."""
    model = model_name_of(document) or facts.microservice
    if protocol == "legacy":
        return finish_legacy(document, model, facts), model
    return finish_seldon(document, body or orjson.dumps(document), facts), model


def finish_legacy(document: Document, model: str, facts: Facts) -> bytes:
    """Seldon Server's PredictionServiceResult: only its own fields, because its clients refuse others."""
    meta: Document = {"puid": facts.puid, "modelName": model, "variation": facts.variation}
    if facts.is_default_output:
        meta["tags"] = {"default_output": True}
    predictions = [as_entry(entry) for entry in document["predictions"]]
    return orjson.dumps({"meta": meta, "predictions": predictions, "custom": document.get("custom")})


def finish_seldon(document: Document, body: bytes, facts: Facts) -> bytes:
    """The model's SeldonMessage with `meta` filled and merged, every other byte as the model sent it."""
    return with_meta(document, body, orjson.dumps(_merged_meta(object_in(document, "meta"), facts)))


def _merged_meta(meta: Document, facts: Facts) -> Document:
    """Model over request in tags, as Seldon Core merges them; our own facts over both."""
    tags = {**object_in(facts.request_meta, "tags"), **object_in(meta, "tags"), "variation": facts.variation}
    if facts.is_default_output:
        tags["default_output"] = True
    routing = {**object_in(facts.request_meta, "routing"), **object_in(meta, "routing")}
    if facts.branch >= 0:
        routing[STRATEGY_NODE] = facts.branch
    path = {**object_in(facts.request_meta, "requestPath"), facts.microservice: ""}
    metrics = meta.get("metrics")
    return {
        **meta,
        "puid": facts.puid,
        "tags": tags,
        "routing": routing,
        "requestPath": {**path, **object_in(meta, "requestPath")},
        "metrics": metrics if isinstance(metrics, list) else [],
    }


def with_meta(document: Document, body: bytes, meta: bytes) -> bytes:
    """`body` with its top-level `meta` replaced by, or extended with, `meta`.

    `document` is what `body` says. Numbers keep the digits that the model wrote.
    """
    if "meta" not in document:
        start = body.index(b"{") + 1
        return b'%b"meta":%b%b%b' % (body[:start], meta, b"," if document else b"", body[start:])
    span = _span_of_meta(body) if isinstance(document["meta"], dict) else None
    if span is None:
        return orjson.dumps({**document, "meta": orjson.Fragment(meta)})
    return b"%b%b%b" % (body[: span[0]], meta, body[span[1] :])


_KEY: Final = re.compile(rb'"meta"\s*:\s*(?=\{)')
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}]')


def _span_of_meta(body: bytes) -> tuple[int, int] | None:
    """Where the object of the only `"meta"` begins and ends; None when the text could mean another one."""
    if body.count(b'"meta"') != 1 or b"\\u" in body:
        return None
    key = _KEY.search(body)
    if key is None:
        return None
    depth = 0
    for token in _TOKEN.finditer(body, key.end()):
        first = body[token.start()]
        depth += (first == 123) - (first == 125)
        if depth == 0:
            return key.end(), token.end()
    return None
