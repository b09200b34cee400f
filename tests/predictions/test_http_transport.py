"""The HTTP transport against servers that behave badly."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from common.errors import SeldonError
from predictions.errors import (
    AnswersTooManyError,
    AnswerTooLargeError,
    MicroserviceBusyError,
    MicroserviceCutError,
    MicroserviceDownError,
    MicroserviceGarbageError,
    MicroserviceSlowError,
)
from predictions.transports.base import Call
from predictions.transports.http import HttpTransport
from tests.predictions.machine import until
from tests.predictions.upstreams import (
    BadServer,
    Behaviour,
    Writer,
    cut_before,
    echo,
    flood,
    plain,
    reset,
    saying,
    serving,
    silence,
)

POST = Call("POST", "/predict", b"{}")


@asynccontextmanager
async def calling(
    behaviour: Behaviour, *, max_connections: int = 64, max_answer_bytes: int = 33_554_432
) -> AsyncIterator[tuple[HttpTransport, BadServer]]:
    async with serving(behaviour) as server:
        transport = HttpTransport(
            "iris", server.origin, max_connections=max_connections, max_answer_bytes=max_answer_bytes
        )
        yield transport, server
        await transport.close()


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (cut_before, MicroserviceCutError),
        (reset, MicroserviceCutError),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Le", keeps=False), MicroserviceCutError),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", keeps=False), MicroserviceCutError),
        (
            saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", keeps=False),
            MicroserviceCutError,
        ),
        (saying(b"\x16\x03\x01 this is not HTTP at all\r\n\r\n"), MicroserviceGarbageError),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), MicroserviceGarbageError),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n{}"), MicroserviceGarbageError),
        (
            saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}"),
            MicroserviceGarbageError,
        ),
        (
            saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
            MicroserviceGarbageError,
        ),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n{}"), AnswerTooLargeError),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"), MicroserviceSlowError),
        (silence, MicroserviceSlowError),
    ],
)
async def test_bad_server_is_named_for_what_it_does(behaviour: Behaviour, error: type[SeldonError]) -> None:
    async with calling(behaviour) as (transport, _):
        with pytest.raises(error):
            await transport.call(POST, 0.2)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}and more than was announced",
    ],
)
async def test_every_way_to_end_an_answer_is_understood(answer: bytes) -> None:
    async with calling(saying(answer, keeps=False)) as (transport, server):
        for _ in range(3):
            assert (await transport.call(POST, 5))[::2] == (200, b"{}")
            await server.closed()


async def test_nobody_listening_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with pytest.raises(MicroserviceDownError, match="connection refused"):
        await HttpTransport("iris", f"http://127.0.0.1:{port}").call(POST, 5)


async def test_a_hundred_megabytes_are_not_taken() -> None:
    async with calling(flood(100 << 20), max_answer_bytes=1 << 20) as (transport, _):
        with pytest.raises(AnswerTooLargeError):
            await transport.call(POST, 20)


async def test_connections_are_kept_and_bounded() -> None:
    async with calling(echo, max_connections=3) as (transport, server):
        for _ in range(4):
            await asyncio.gather(*(transport.call(POST, 5) for _ in range(3)))
        assert server.connections == 3


async def test_one_call_more_than_connections_is_refused() -> None:
    async with calling(silence, max_connections=1) as (transport, server):
        first = asyncio.create_task(transport.call(POST, 20))
        await until(lambda: server.requests)
        with pytest.raises(MicroserviceBusyError):
            await transport.call(POST, 20)
        first.cancel()


async def close_second(head: bytes, body: bytes, writer: Writer) -> bool:
    """Answers the first request of a connection and drops the next without a word."""
    seen = getattr(writer.transport, "_seen", 0)
    if seen:
        return False
    writer.transport._seen = 1  # type: ignore[attr-defined]
    writer.write(plain(b"{}"))
    return True


async def test_get_is_repeated_when_the_kept_connection_was_closed() -> None:
    async with calling(close_second) as (transport, server):
        for _ in range(2):
            assert (await transport.call(Call("GET", "/predict?json=%7B%7D"), 5)).status == 200
        assert len(server.requests) == 3


async def test_post_is_not_repeated_once_it_was_sent() -> None:
    async with calling(close_second) as (transport, server):
        await transport.call(POST, 5)
        with pytest.raises(MicroserviceCutError):
            await transport.call(POST, 5)
        assert len(server.requests) == 2


async def test_post_goes_out_anew_when_the_kept_connection_is_known_to_be_closed() -> None:
    async with calling(saying(plain(b"{}"), keeps=False)) as (transport, server):
        for _ in range(5):
            assert (await transport.call(POST, 5)).status == 200
            await server.closed()
        assert server.connections == 5


async def test_cancelled_call_leaves_no_answer_for_the_next() -> None:
    async def late(head: bytes, body: bytes, writer: Writer) -> bool:
        if body == b"slow":
            await asyncio.sleep(0.1)
        writer.write(plain(body))
        return True

    async with calling(late) as (transport, _):
        await transport.call(POST, 5)
        slow = asyncio.create_task(transport.call(Call("POST", "/", b"slow"), 5))
        await asyncio.sleep(0.02)
        slow.cancel()
        assert (await transport.call(Call("POST", "/", b"fast"), 5)).body == b"fast"
        await asyncio.sleep(0.15)
        assert (await transport.call(Call("POST", "/", b"fast"), 5)).body == b"fast"


async def test_long_answers_together_take_a_bounded_memory() -> None:
    release = asyncio.Event()
    half = b"x" * (512 << 10)

    async def slowly(head: bytes, body: bytes, writer: Writer) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (2 * len(half), half))
        await release.wait()
        writer.write(half)
        return True

    async with calling(slowly, max_answer_bytes=1 << 20) as (transport, _):
        calls = [asyncio.create_task(transport.call(POST, 10)) for _ in range(12)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        release.set()
        found = await asyncio.gather(*calls, return_exceptions=True)
        refused = [each for each in found if isinstance(each, AnswersTooManyError)]
        answered = [each for each in found if not isinstance(each, BaseException)]
        assert refused
        assert answered
        assert len(refused) + len(answered) == 12
        assert all(answer.body == half * 2 for answer in answered)
        assert (await transport.call(POST, 10)).body == half * 2
        assert transport.held_bytes == 0


async def test_answer_in_tiny_pieces_is_whole() -> None:
    pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in b"abcdefgh" * 1000)
    said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % pieces
    async with calling(saying(said)) as (transport, _):
        assert (await transport.call(POST, 5)).body == b"abcdefgh" * 1000
        assert transport.held_bytes == 0
