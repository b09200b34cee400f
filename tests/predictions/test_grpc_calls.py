"""What every gRPC call goes through, whatever its service: callers, limits, counts, words of failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc import aio

from common.errors import ConflictError
from common.traffic import TRAFFIC
from docs.generate import error_classes
from events.calls import CallLog
from events.sinks.memory import MemorySink
from lane.reply import Reply
from lane.request import Request
from predictions.grpc_calls import CODES, GAVE_UP, GrpcMethods, grpc_routes
from predictions.grpc_part import GrpcPart
from tests.lane.doubles import FakeDoor
from tests.predictions.machine import until
from tests.predictions.test_grpc_transport import refusal

BEGUN: list[str] = []
GOOD = (("authorization", "Bearer good"),)


async def echo(request: Request) -> Reply:
    request.puid = "p1"
    return Reply(request.body, headers=[(b"Seen", request.client.encode())])


async def fall_over(request: Request) -> Reply:
    raise ZeroDivisionError("secret of ours")


async def refuse(request: Request) -> Reply:
    request.puid = "p2"
    raise ConflictError("it is taken")


async def refuse_at_length(request: Request) -> Reply:
    raise ConflictError("ü" * 50_000)


async def never_end(request: Request) -> Reply:
    BEGUN.append(request.client)
    await asyncio.sleep(60)
    return Reply(b"")


@asynccontextmanager
async def door(**given: Any) -> AsyncIterator[aio.Channel]:
    """A channel to methods of which one answers."""
    fails = {"Fall": fall_over, "Refuse": refuse, "Tell": refuse_at_length}
    routes = grpc_routes("test.Echo", {"Echo": echo, "Wait": never_end, **fails}, 100)
    part = GrpcPart(GrpcMethods(routes, FakeDoor(), **given), "127.0.0.1:0", 1 << 20)
    await part.start()
    try:
        async with aio.insecure_channel(f"127.0.0.1:{part.port}") as channel:
            yield channel
    finally:
        await part.stop()


async def test_bytes_and_headers_of_the_reply_reach_the_caller_with_the_ids() -> None:
    async with door() as channel:
        call = channel.unary_unary("/test.Echo/Echo")(b"\x00raw", metadata=(*GOOD, ("x-request-id", "r1")))
        assert await call == b"\x00raw"
        told = dict(await call.initial_metadata())
    assert (told["seen"], told["seldon-puid"], told["x-request-id"]) == ("acme", "p1", "r1")


async def test_fault_of_ours_is_told_by_its_request_and_nothing_else() -> None:
    async with door() as channel:
        call = channel.unary_unary("/test.Echo/Fall")(b"", metadata=(*GOOD, ("x-request-id", "r1")))
        code, words = await refusal(call)
    assert code is grpc.StatusCode.INTERNAL
    assert words == "something went wrong here; the log says more under request r1"


@pytest.mark.parametrize(
    ("token", "body", "code"),
    [
        ("nobody", b"", grpc.StatusCode.UNAUTHENTICATED),
        ("over", b"", grpc.StatusCode.RESOURCE_EXHAUSTED),
        ("new", b"x" * 101, grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
    ids=["unknown", "over its quota", "too large"],
)
async def test_caller_is_let_in_as_over_http(token: str, body: bytes, code: grpc.StatusCode) -> None:
    async with door() as channel:
        call = channel.unary_unary("/test.Echo/Echo")(body, metadata=(("oauth_token", token),))
        assert (await refusal(call))[0] is code
        told = dict(await call.initial_metadata())
    assert told.get("retry-after") == ("3" if token == "over" else None)


@pytest.mark.parametrize(
    ("token", "code"),
    [("nobody", grpc.StatusCode.UNAUTHENTICATED), ("over", grpc.StatusCode.RESOURCE_EXHAUSTED)],
)
async def test_whoever_is_not_let_in_is_told_before_the_message_is_read(
    token: str, code: grpc.StatusCode
) -> None:
    async def messages() -> AsyncIterator[bytes]:
        await asyncio.sleep(60)
        yield b""

    async with door() as channel:
        call = channel.stream_unary("/test.Echo/Echo")(messages(), metadata=(("oauth_token", token),))
        assert (await asyncio.wait_for(refusal(call), 10))[0] is code


@pytest.mark.parametrize(
    ("messages", "found"),
    [([b"one"], b"one"), ([], (grpc.StatusCode.INVALID_ARGUMENT, "The call ended without a message."))],
)
async def test_caller_who_is_looked_up_first_is_read_then(messages: list[bytes], found: Any) -> None:
    async with door() as channel:
        call = channel.stream_unary("/test.Echo/Echo")(iter(messages), metadata=(("oauth_token", "new"),))
        assert (await call if messages else await refusal(call)) == found


async def test_refusal_has_code_words_and_puid_and_is_counted() -> None:
    TRAFFIC.take()
    async with door() as channel:
        call = channel.unary_unary("/test.Echo/Refuse")(b"", metadata=GOOD)
        assert await refusal(call) == (grpc.StatusCode.ABORTED, "it is taken")
        assert dict(await call.initial_metadata())["seldon-puid"] == "p2"
    (minute,) = TRAFFIC.take()
    assert (minute.client, minute.surface, minute.requests, minute.errors) == ("acme", "predict", 1, 1)
    assert minute.refusals[0]["message"] == "it is taken"


async def test_call_leaves_an_access_line() -> None:
    sink = MemorySink()
    calls = CallLog(sink, 1)
    async with door(observe=calls.note) as channel:
        await channel.unary_unary("/test.Echo/Echo")(b"", metadata=GOOD)
    await calls.stop()
    assert b'"/test.Echo/Echo"' in sink.records[0].objects[0]


@pytest.mark.parametrize("kind", error_classes())
def test_every_error_has_a_code(kind: Any) -> None:
    assert kind.status in CODES


async def test_words_of_a_failure_are_cut_to_what_grpc_carries() -> None:
    async with door() as channel:
        code, words = await refusal(channel.unary_unary("/test.Echo/Tell")(b"", metadata=GOOD))
    assert code is grpc.StatusCode.ABORTED
    assert words.startswith("üüü")
    assert words.endswith("ü…")


async def test_call_that_the_caller_gives_up_is_counted() -> None:
    BEGUN.clear()
    counted: asyncio.Queue[int] = asyncio.Queue()
    async with door(observe=lambda request, status, seconds: counted.put_nowait(status)) as channel:
        call = channel.unary_unary("/test.Echo/Wait")(b"", metadata=GOOD)
        await until(lambda: BEGUN)
        call.cancel()
        async with asyncio.timeout(30):
            assert await counted.get() == GAVE_UP
    assert call.cancelled()
