"""Carries a feedback through a graph along the routing that was taken: children first, their parent after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from predictions.errors import FeedbackUnroutableError
from predictions.graphs.flows import EVERY_CHILD, NO_CHILD
from predictions.graphs.nodes import Node
from predictions.graphs.walk import Walk
from predictions.graphs.walking import every


async def walk_feedback(root: Node, body: bytes, routing: Mapping[str, Any], walk: Walk) -> bytes:
    """The reply of `root`; the feedback itself where `root` takes none.

    `routing` is that of the response's meta: a unit that it does not name passes the feedback to all of its
    children. FeedbackUnroutableError when it names a child that is not there.
    """
    chain = [root]
    node = root
    while node.children:
        branch = _branch(node, routing)
        if branch == NO_CHILD:
            break
        if branch == EVERY_CHILD and len(node.children) > 1:
            await every([walk_feedback(child, body, routing, walk) for child in node.children])
            break
        node = node.children[max(branch, 0)]
        chain.append(node)
    reply = body
    for node in reversed(chain):
        if node.log is not None:
            node.log.feedback(body, walk)
        reply = await node.send_feedback(body, walk) if node.feedback else body
    return reply


def _branch(node: Node, routing: Mapping[str, Any]) -> int:
    branch = routing.get(node.name, EVERY_CHILD)
    # Protobuf's JSON has whole numbers as floats.
    if isinstance(branch, float) and branch.is_integer():
        branch = int(branch)
    is_number = isinstance(branch, int) and not isinstance(branch, bool)
    if not is_number or not NO_CHILD <= branch < len(node.children):
        count = len(node.children)
        raise FeedbackUnroutableError(
            f"`response.meta.routing` says {branch!r} for unit {node.name}, which has {count} children"
        )
    return int(branch)
