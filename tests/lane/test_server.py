"""The HTTP protocol's limits, on a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from lane.server import BoundedHttpProtocol
from tests.lane.doubles import make_lane, make_route


class SmallProtocol(BoundedHttpProtocol):
    max_head_bytes = 8_192
    stopping_seconds = 0.05


class HastyProtocol(SmallProtocol):
    head_timeout_seconds = 0.2


@asynccontextmanager
async def serving(protocol: type[BoundedHttpProtocol] = SmallProtocol) -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        make_lane(make_route("/echo")),
        http=protocol,
        lifespan="off",
        log_level="critical",
        ws="none",
        timeout_keep_alive=300,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def exchange(port: int, *pieces: bytes, half_close: bool = False) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.01)
    if half_close:
        writer.write_eof()
    answer = await asyncio.wait_for(reader.read(65_536), 30)
    writer.close()
    return answer


HEAD = b"POST /echo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\n"


async def test_head_over_the_limit_is_refused_with_431() -> None:
    async with serving() as port:
        answer = await exchange(port, HEAD + b"x-big: " + b"a" * 100_000 + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_head_without_end_is_refused_with_431() -> None:
    async with serving() as port:
        answer = await exchange(port, HEAD, *[b"x-h: " + b"a" * 4000 + b"\r\n"] * 4)
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_head_that_does_not_end_in_time_is_refused_with_408() -> None:
    async with serving(HastyProtocol) as port:
        answer = await exchange(port, HEAD)
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_second_head_on_a_kept_connection_has_its_own_clock() -> None:
    class SecondIsHasty(SmallProtocol):
        head_timeout_seconds = 30.0

    async with serving(SecondIsHasty) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"content-length: 2\r\n\r\nhi")
        first = await asyncio.wait_for(reader.read(65_536), 30)
        SecondIsHasty.head_timeout_seconds = 0.2
        writer.write(HEAD)
        second = await asyncio.wait_for(reader.read(65_536), 30)
        writer.close()
    assert (first[:12], second[:12]) == (b"HTTP/1.1 200", b"HTTP/1.1 408")


async def test_caller_that_half_closes_after_a_whole_request_is_answered() -> None:
    async with serving() as port:
        answer = await exchange(port, HEAD + b"content-length: 2\r\n\r\nhi", half_close=True)
    assert b'"body":"hi"' in answer


async def test_half_closed_connection_is_not_kept_after_its_answer() -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"content-length: 2\r\n\r\nhi")
        writer.write_eof()
        # Ends at the end of the stream, long before an idle connection is closed.
        answer = await asyncio.wait_for(reader.read(), 30)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("head", [b"\x16\x03\x01\r\n\r\n", HEAD + b"x-big: " + b"a" * 100_000 + b"\r\n\r\n"])
async def test_refusal_before_there_is_a_request_has_an_id_too(head: bytes) -> None:
    async with serving() as port:
        answer = await exchange(port, head)
    assert b"\r\nx-request-id: " in answer


async def test_body_larger_than_the_head_limit_is_no_matter() -> None:
    async with serving() as port:
        body = b"a" * 900
        many = (HEAD + b"content-length: 900\r\n\r\n" + body) * 12
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(many)
        answers = b""
        while answers.count(b"HTTP/1.1 200") < 12:
            answers += await asyncio.wait_for(reader.read(65_536), 30)
        writer.close()
    assert b" 431 " not in answers


@pytest.mark.parametrize("nonsense", [b"\x16\x03\x01 tls\r\n\r\n", b"GET\r\n\r\n", b"\0" * 50])
async def test_what_is_not_http_is_refused_with_400(nonsense: bytes) -> None:
    async with serving() as port:
        assert (await exchange(port, nonsense)).startswith(b"HTTP/1.1 400 ")


async def test_request_that_never_arrives_does_not_hold_a_stopping_server_up() -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"content-length: 2\r\n\r\nh")
        # An answer on another connection shows that the server has taken the first one in.
        await exchange(port, HEAD + b"content-length: 2\r\n\r\nhi")
    answer = await asyncio.wait_for(reader.read(65_536), 30)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 503 ")
