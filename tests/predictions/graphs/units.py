"""Small real unit servers, each behaviour by its path, and the lines that a graph's tests repeat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import orjson

from tests.predictions.machine import Machine, running
from tests.predictions.upstreams import BadServer, Writer, plain, serving

# What a unit answers at a path: of the document that it is sent, or always this one.
Says = Callable[[Any], Any] | dict[str, Any]
SUM = "/seldon/acme/sum/api/v1.0/predictions"
FEEDBACK = "/seldon/acme/sum/api/v1.0/feedback"
ONES = {"data": {"names": ["a", "b"], "ndarray": [[1.0, 2.0]]}}


class Refusal(dict[str, Any]):
    """A document that a unit answers with a status of its own."""

    def __init__(self, status_line: str, document: dict[str, Any]) -> None:
        super().__init__(document)
        self.status_line = status_line


class UnitServer:
    """A unit: counts its calls and remembers what it was sent."""

    def __init__(self, server: BadServer) -> None:
        self._server = server

    @property
    def url(self) -> str:
        return self._server.origin

    @property
    def paths(self) -> list[str]:
        return [head.split(b" ", 2)[1].decode() for head, _ in self._server.requests]

    @property
    def heads(self) -> list[bytes]:
        return [head for head, _ in self._server.requests]

    @property
    def bodies(self) -> list[bytes]:
        return [body for _, body in self._server.requests]

    @property
    def documents(self) -> list[Any]:
        return [orjson.loads(body) for body in self.bodies]


@asynccontextmanager
async def unit_server(**answers: Says) -> AsyncIterator[UnitServer]:
    """`predict=…` answers `/predict`, `transform_input=…` `/transform-input`, `any=…` every path."""

    async def behave(head: bytes, body: bytes, writer: Writer) -> bool:
        path = head.split(b" ", 2)[1].decode().partition("?")[0]
        says = answers.get(path.strip("/").replace("-", "_").replace("/", "_"), answers.get("any"))
        if says is None:
            writer.write(plain(b"{}", status="404 Not Found"))
            return True
        answer = says(orjson.loads(body) if body else None) if callable(says) else says
        status = answer.status_line if isinstance(answer, Refusal) else "200 OK"
        writer.write(plain(answer if isinstance(answer, bytes) else orjson.dumps(answer), status=status))
        return True

    async with serving(behave) as server:
        yield UnitServer(server)


@asynccontextmanager
async def units(*answers: Mapping[str, Says]) -> AsyncIterator[tuple[Machine, list[UnitServer]]]:
    """A gateway and one unit server for each of `answers`."""
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(unit_server(**each)) for each in answers]
        yield await stack.enter_async_context(running()), servers


def add(number: float) -> Callable[[Any], Any]:
    """A unit that adds `number` to every cell."""

    def added(message: Any) -> Any:
        rows = [[cell + number for cell in row] for row in message["data"]["ndarray"]]
        return {"data": {"names": [], "ndarray": rows}, "meta": {}}

    return added


def tagged(name: str, **meta: Any) -> Callable[[Any], Any]:
    """A unit that answers its name, with tags and metrics, and drops what it was sent."""
    said = {
        "tags": {"common": name, name: "yes"},
        "metrics": [{"key": name, "type": "COUNTER", "value": 1}],
        **meta,
    }
    return lambda message: {"data": {"ndarray": [name]}, "meta": said}


def routing_to(branch: int) -> Callable[[Any], Any]:
    return lambda message: {"data": {"ndarray": [[branch]]}, "meta": {}}


def gathered(messages: Any) -> Any:
    """A combiner that puts the rows of all below each other."""
    return {"data": {"ndarray": [message["data"]["ndarray"] for message in messages]}, "meta": {}}
