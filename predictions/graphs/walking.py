"""Walks a message through a graph: down to the leaves and up again.

Chains of any length are walked in a loop; only children in parallel are tasks of their own, so that a deep
graph needs no deep stack.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from predictions.graphs.flows import EVERY_CHILD, NO_CHILD
from predictions.graphs.message import Message
from predictions.graphs.nodes import Node
from predictions.graphs.walk import Walk

T = TypeVar("T")
# A node below which one child answers, and the message that the child was given; None when none does.
Pending = tuple[Node, Message | None]


async def walk_graph(root: Node, message: Message, walk: Walk) -> Message:
    """What the graph below `root` answers to `message`; raises the first failure in the order of children."""
    pending: list[Pending] = []
    node = root
    while True:
        if node.log is not None:
            await node.log.request(message, walk)
        if node.input_kind:
            message = await node.transform_input(message, walk)
        if not node.children:
            pending.append((node, None))
            break
        branch, message = await node.choose(message, walk)
        walk.routing[node.name] = branch
        if branch == NO_CHILD:
            pending.append((node, None))
            break
        if branch == EVERY_CHILD and len(node.children) > 1:
            walks = [walk_graph(child, message, walk) for child in node.children]
            message = await node.aggregate(message, await every(walks), walk)
            pending.append((node, None))
            break
        pending.append((node, message))
        node = node.children[max(branch, 0)]
    return await _walk_up(pending, message, walk)


async def _walk_up(pending: list[Pending], message: Message, walk: Walk) -> Message:
    for node, before in reversed(pending):
        if before is not None and node.aggregates:
            message = await node.aggregate(before, [message], walk)
        if node.outputs:
            message = await node.transform_output(message, walk)
        if node.log is not None:
            await node.log.response(message, walk)
    return message


async def every(calls: list[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of all, run at once; when some fail, the failure of the first of them, once all ended."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results  # type: ignore[return-value]
