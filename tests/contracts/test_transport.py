"""The transport contract over each transport."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from predictions.transports.base import Answer, Call, Transport
from predictions.transports.http import HttpTransport
from predictions.transports.memory import MemoryTransport
from tests.contracts.transport import Model, Reaching, TransportContract
from tests.predictions.upstreams import BadServer, Writer, serving


@asynccontextmanager
async def in_memory(
    model: Model, *, delay: float = 0, max_answer_bytes: int = 10_000
) -> AsyncIterator[Transport]:
    async def handle(call: Call) -> Answer:
        await asyncio.sleep(delay)
        return model(call)

    yield MemoryTransport("model", handle, max_answer_bytes)


def http_answer(answer: Answer) -> bytes:
    head = f"HTTP/1.1 {answer.status} X\r\nContent-Type: {answer.content_type}\r\n"
    return f"{head}Content-Length: {len(answer.body)}\r\n\r\n".encode() + answer.body


@asynccontextmanager
async def over_http(
    model: Model, *, delay: float = 0, max_answer_bytes: int = 10_000
) -> AsyncIterator[Transport]:
    async def behave(head: bytes, body: bytes, writer: Writer) -> bool:
        await asyncio.sleep(delay)
        method, target, _ = head.decode().split(" ", 2)
        writer.write(http_answer(model(Call(method, target, body))))
        return True

    async with serving(behave) as server:
        transport = HttpTransport("model", server.origin, max_answer_bytes=max_answer_bytes)
        yield transport
        await transport.close()


@asynccontextmanager
async def over_unix_socket(
    model: Model, *, delay: float = 0, max_answer_bytes: int = 10_000
) -> AsyncIterator[Transport]:
    async def behave(head: bytes, body: bytes, writer: Writer) -> bool:
        await asyncio.sleep(delay)
        writer.write(http_answer(model(Call("POST", "/", body))))
        return True

    path = Path(f"/tmp/seldon-contract-{id(model)}.sock")
    server = await asyncio.start_unix_server(BadServer(behave).serve_connection, path)
    transport = HttpTransport("model", f"unix:{path}", max_answer_bytes=max_answer_bytes)
    try:
        yield transport
    finally:
        await transport.close()
        server.close()
        path.unlink(missing_ok=True)


@pytest.fixture(params=[in_memory, over_http, over_unix_socket])
def reaching(request: pytest.FixtureRequest) -> Reaching:
    chosen: Reaching = request.param
    return chosen


class TestTransport(TransportContract):
    """Each promise, over each transport."""
