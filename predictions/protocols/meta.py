"""The gateway's own facts in an answer: puid, variation, model, routing, tags."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import orjson

from predictions.protocols.base import Document, object_in, text_of
from predictions.protocols.legacy import as_entry
from predictions.records import Ask, Outcome

# The router of a strategy is one node in Seldon Core's words; this is its name in `meta.routing`.
STRATEGY_NODE: Final = "predict_algs"


def finish(ask: Ask, outcome: Outcome, variation: str, branch: int) -> tuple[bytes, str]:
    """The answer as the caller gets it, and the name of the model that gave it.

    `branch` is the index of the variation in its strategy, -1 when there was no choice.
    """
    document = outcome.document
    meta = object_in(document, "meta")
    model = text_of(meta.get("modelName")) or outcome.microservice
    if ask.protocol.name == "legacy":
        return _finish_legacy(ask, outcome, model, variation), model
    if _is_plain(meta, ask.meta) and not outcome.is_default_output:
        tail = _plain_tail(outcome.microservice, variation, branch)
        filled = b'{"puid":%b,%b' % (orjson.dumps(ask.puid), tail)
    else:
        filled = orjson.dumps(_merged_meta(meta, ask, outcome, variation, branch))
    return with_meta(document, outcome.body or orjson.dumps(document), filled), model


def _finish_legacy(ask: Ask, outcome: Outcome, model: str, variation: str) -> bytes:
    """Seldon Server's PredictionServiceResult: only its own fields, because its clients refuse others."""
    meta: Document = {"puid": ask.puid, "modelName": model, "variation": variation}
    if outcome.is_default_output:
        meta["tags"] = {"default_output": True}
    predictions = [as_entry(entry) for entry in outcome.document["predictions"]]
    custom = outcome.document.get("custom")
    return orjson.dumps({"meta": meta, "predictions": predictions, "custom": custom})


def _is_plain(meta: Document, asked: Document) -> bool:
    """Whether neither model nor caller said anything in `meta` that has to be merged."""
    return not meta and (not asked or (len(asked) == 1 and "puid" in asked))


@lru_cache(maxsize=4096)
def _plain_tail(microservice: str, variation: str, branch: int) -> bytes:
    """Everything of a plain `meta` behind the puid: the same for every answer of a microservice."""
    meta = {
        "tags": {"variation": variation},
        "routing": {STRATEGY_NODE: branch} if branch >= 0 else {},
        "requestPath": {microservice: ""},
        "metrics": [],
    }
    return orjson.dumps(meta)[1:]


def _merged_meta(meta: Document, ask: Ask, outcome: Outcome, variation: str, branch: int) -> Document:
    """Model over request in tags, as Seldon Core merges them; our own facts over both."""
    asked = ask.meta
    tags = {**object_in(asked, "tags"), **object_in(meta, "tags"), "variation": variation}
    if outcome.is_default_output:
        tags["default_output"] = True
    routing = {**object_in(asked, "routing"), **object_in(meta, "routing")}
    if branch >= 0:
        routing[STRATEGY_NODE] = branch
    path = {**object_in(asked, "requestPath"), outcome.microservice: ""}
    metrics = meta.get("metrics")
    return {
        **meta,
        "puid": ask.puid,
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
    empty = body.find(b'"meta":{}')
    if empty >= 0:
        return empty + 7, empty + 9
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
