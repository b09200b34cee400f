"""Feedback: finds its way back to the microservice that answered, and into the spool."""

from __future__ import annotations

from math import isfinite
from typing import Final

import orjson

from common import clock
from common.errors import InvalidInputError
from predictions.errors import FeedbackUnroutableError, StrategyMissingError
from predictions.gateway import Gateway
from predictions.graph import Branch, Plan
from predictions.graphs.gateway import Asked
from predictions.prediction_log import LogPolicy, redacted
from predictions.protocols.base import Document, object_in, text_of
from predictions.protocols.meta import STRATEGY_NODE, with_meta
from predictions.transports.base import Call
from predictions.upstreams import Upstream

FEEDBACK: Final = "feedback.live"
_MESSAGES: Final = ("request", "response", "truth")


def check_feedback(document: Document) -> None:
    """Raises InvalidInputError unless `document` is a Feedback: request, response, reward, truth."""
    for key in _MESSAGES:
        if key in document and not isinstance(document[key], dict | None):
            raise InvalidInputError(f"`{key}` of a feedback is a SeldonMessage, which is an object")
    reward = document.get("reward", 0.0)
    if isinstance(reward, bool) or not isinstance(reward, int | float) or not isfinite(reward):
        raise InvalidInputError("`reward` of a feedback is a number")
    if not any(key in document for key in (*_MESSAGES, "reward")):
        raise InvalidInputError("a feedback holds some of `request`, `response`, `reward`, `truth`")


async def deliver_feedback(
    gateway: Gateway, client: str, document: Document, body: bytes, name: str
) -> bytes:
    """Gives a checked feedback to the microservice that answered and records it; the microservice's reply.

    `name` is the microservice when the path names it, empty when the response's meta tells. One that does
    not speak Seldon Core has no place for feedback: it is recorded, and the reply's tags say so.
    """
    upstream = gateway.upstream(client, name) if name else _answering(gateway, client, document)
    is_delivered = False
    try:
        puid = puid_of_feedback(document)
        call = upstream.protocol.feedback_call(upstream.spec.feedback_target, document, body, puid)
        if call is None:
            return _recorded_reply(document)
        reply = await _send(upstream, call)
        is_delivered = True
        return reply
    finally:
        kept = _redacted(document, body, gateway.policy_of(client))
        line = _line(client, upstream.spec.name, kept, is_delivered=is_delivered)
        await gateway.recorder.sink.append(FEEDBACK, client, (line,))


async def deliver_graph_feedback(gateway: Gateway, asked: Asked, document: Document) -> bytes:
    """Gives a checked feedback to the units that answered and records it; the reply of the graph's root."""
    is_delivered = False
    try:
        reply = await gateway.graphs.feedback(asked, document)
        is_delivered = asked.deployed.flow.delivers_feedback
        return reply
    finally:
        kept = _redacted(document, asked.message.body, gateway.policy_of(asked.client))
        line = _line(asked.client, asked.deployed.name, kept, is_delivered=is_delivered)
        await gateway.recorder.sink.append(FEEDBACK, asked.client, (line,))


async def _send(upstream: Upstream, call: Call) -> bytes:
    answer = await upstream.call(call, upstream.spec.deadline_seconds)
    reply, reply_body = upstream.read(answer, upstream.protocol.read_status)
    meta = object_in(reply, "meta")
    if not call.puid:
        return reply_body
    return with_meta(reply, reply_body, orjson.dumps({**meta, "puid": call.puid}))


def _answering(gateway: Gateway, client: str, document: Document) -> Upstream:
    """Whoever made the response: by its request path, then its routing, then its variation, then its puid."""
    meta = object_in(object_in(document, "response"), "meta")
    table = gateway.registry.of(client)
    named = [name for name in object_in(meta, "requestPath") if name in table]
    if named:
        return gateway.upstream(client, named[0])
    try:
        plan = gateway.plan_of(client)
    except StrategyMissingError as error:
        raise FeedbackUnroutableError(
            f"The response names no microservice of {client}. {error.message}"
        ) from None
    for step in _branch(plan, meta, puid_of_feedback(document)).steps:
        if isinstance(step, Upstream):
            return step
    raise FeedbackUnroutableError("The variation that answered has no microservice any more.")


def _branch(plan: Plan, meta: Document, puid: str) -> Branch:
    index = object_in(meta, "routing").get(STRATEGY_NODE)
    if isinstance(index, int) and 0 <= index < len(plan.branches):
        return plan.branches[index]
    label = object_in(meta, "tags").get("variation") or meta.get("variation")
    for branch in plan.branches:
        if branch.label == label:
            return branch
    if puid or len(plan.branches) == 1:
        return plan.branch_for(puid)
    raise FeedbackUnroutableError(
        "`response.meta` names neither requestPath, routing, variation nor puid; send back the answer's meta."
    )


def puid_of_feedback(document: Document) -> str:
    """The puid of the prediction that a feedback is about; empty when it does not say."""
    for key in ("response", "request"):
        puid = text_of(object_in(object_in(document, key), "meta").get("puid"))
        if puid:
            return puid
    return ""


def _recorded_reply(document: Document) -> bytes:
    return orjson.dumps({"meta": {"puid": puid_of_feedback(document), "tags": {"feedback": "recorded"}}})


def _redacted(document: Document, body: bytes, policy: LogPolicy) -> bytes:
    """The feedback as it may be kept: its messages hold the fields that a prediction's record strikes out."""
    if not policy.redact:
        return body
    for key in _MESSAGES:
        redacted(document.get(key), policy.redact)
    return orjson.dumps(document)


def _line(client: str, microservice: str, body: bytes, *, is_delivered: bool) -> bytes:
    facts = {
        "client": client,
        "microservice": microservice,
        "delivered": is_delivered,
        "timestamp": clock.unix_seconds(),
    }
    feedback = body.replace(b"\r", b" ").replace(b"\n", b" ")
    return b'%b,"feedback":%b}' % (orjson.dumps(facts)[:-1], feedback)
