"""A caller who asks over gRPC and never reads holds a bounded part of the worker's memory."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from grpc import aio

from lane.reply import Reply
from lane.request import Request
from predictions.grpc_calls import GrpcMethods, grpc_routes
from predictions.grpc_part import GrpcPart
from tests.predictions.machine import TokenDoor
from tests.predictions.test_grpc_transport import refusal

LARGE = 100_000
METHOD = "/test.Large/Ask"


async def answer_large(request: Request) -> Reply:
    return Reply(bytes(LARGE))


@asynccontextmanager
async def door() -> AsyncIterator[int]:
    routes = grpc_routes("test.Large", {"Ask": answer_large}, 1000)
    methods = GrpcMethods(routes, TokenDoor(), max_unread_bytes=2 * LARGE)
    part = GrpcPart(methods, "127.0.0.1:0", 1 << 20)
    await part.start()
    try:
        yield part.port
    finally:
        await part.stop()


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body


def literal(name: bytes, value: bytes) -> bytes:
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


HEADERS = b"".join(
    literal(*each)
    for each in (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", METHOD.encode()),
        (b":authority", b"here"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        (b"authorization", b"Bearer acme"),
    )
)


def asking_without_room(calls: int) -> bytes:
    """The bytes of a caller whose window for answers is 0."""
    settings = frame(4, 0, 0, struct.pack(">HI", 4, 0))
    asked = [frame(1, 4, 1 + 2 * n, HEADERS) + frame(0, 1, 1 + 2 * n, bytes(5)) for n in range(calls)]
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + b"".join(asked)


async def is_answered(channel: aio.Channel, token: str) -> bool:
    try:
        await channel.unary_unary(METHOD)(b"", metadata=(("authorization", f"Bearer {token}"),))
    except aio.AioRpcError:
        return False
    return True


async def test_caller_who_does_not_read_gets_no_more_answers_until_it_is_gone_and_others_do() -> None:
    async with door() as port, aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(asking_without_room(2))
        async with asyncio.timeout(60):
            while await is_answered(channel, "acme"):
                await asyncio.sleep(0.05)
        code, words = await refusal(
            channel.unary_unary(METHOD)(b"", metadata=(("authorization", "Bearer acme"),))
        )
        assert code is grpc.StatusCode.UNAVAILABLE
        assert f"{2 * LARGE} bytes of answers are not read yet" in words
        assert await is_answered(channel, "globex")
        writer.transport.abort()
        async with asyncio.timeout(60):
            while not await is_answered(channel, "acme"):
                await asyncio.sleep(0.05)
