"""How the meta of messages comes together on their way through a graph.

Tags: the newer wins, of several children the later. Metrics: those of every unit that was visited, once
each. A unit may hand on what it got (Seldon Core's wrapper does) or drop it; both come to the same.
"""

from __future__ import annotations

from typing import Any

from predictions.graphs.message import Message, Meta
from predictions.graphs.walk import Walk
from predictions.protocols.base import object_in


def carry(before: Message, answer: Message) -> Message:
    """`answer` of a unit that was given `before`, with the tags and metrics of both."""
    if not before.meta or _has_same(before.meta, answer.meta):
        return answer
    return _settle(answer, before.tags, before.metrics, before.metrics)


def carry_route(before: Message, reply: Meta) -> Message:
    """`before` with the tags and metrics of a router's reply; its payload goes on as it is."""
    said = Message(b"", reply)
    if not (said.tags or said.metrics):
        return before
    metrics = before.metrics + _own_metrics(said.metrics, before.metrics)
    return before.with_meta({**before.meta, "tags": {**before.tags, **said.tags}, "metrics": metrics})


def carry_children(before: Message, children: list[Message], answer: Message) -> Message:
    """`answer`, a combiner's to `children` or the first of them, with the tags and metrics of all.

    `before` is what each of the children was given.
    """
    if not any(child.meta for child in children):
        return answer
    known = before.metrics
    metrics, sent, tags = list(known), [], {}
    for child in children:
        metrics += _own_metrics(child.metrics, known)
        sent += child.metrics
        tags.update(child.tags)
    return _settle(answer, tags, metrics, children[0].metrics if answer is children[0] else sent)


def final_meta(asked: Meta, answer: Message, walk: Walk) -> Meta:
    """The meta of the answer as the caller gets it: what units said, and the graph's own facts over it."""
    meta = answer.meta
    tags = object_in(meta, "tags")
    return {
        **meta,
        "puid": walk.puid,
        # Feedback finds its way back by it.
        "tags": {**tags, "predictor": walk.predictor} if walk.predictor else tags,
        "routing": {**object_in(asked, "routing"), **object_in(meta, "routing"), **walk.routing},
        "requestPath": {**object_in(asked, "requestPath"), **walk.path, **object_in(meta, "requestPath")},
        "metrics": answer.metrics,
    }


def _settle(answer: Message, tags: Meta, metrics: list[Any], sent: list[Any]) -> Message:
    """`answer` saying `tags` and `metrics` and its own; `sent` are the metrics that the unit was given."""
    tags = {**tags, **answer.tags}
    metrics = metrics + _own_metrics(answer.metrics, sent)
    if tags == answer.tags and metrics == answer.metrics:
        return answer
    return answer.with_meta({**answer.meta, "tags": tags, "metrics": metrics})


def _has_same(before: Meta, after: Meta) -> bool:
    """Whether both say the same of what is carried, as after a unit that hands on what it was given."""
    return before.get("tags") == after.get("tags") and before.get("metrics") == after.get("metrics")


def _own_metrics(said: list[Any], sent: list[Any]) -> list[Any]:
    """What a unit added to the metrics that it was given."""
    return said[len(sent) :] if sent and said[: len(sent)] == sent else said
