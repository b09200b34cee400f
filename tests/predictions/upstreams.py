"""Small real servers that behave as badly as a model server can."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
# What to do with one request: (head, body, writer) -> whether the connection goes on.
Behaviour = Callable[[bytes, bytes, Writer], Awaitable[bool]]


class BadServer:
    """Serves one behaviour and remembers what it was asked."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.requests: list[tuple[bytes, bytes]] = []
        self.connections = 0
        self.open = 0
        self.port = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def closed(self) -> None:
        """Wait until every connection is closed here, and whoever called in this loop has seen it."""
        while self.open:
            await asyncio.sleep(0.005)
        # The end of a closed connection is read in the loop's turns after it, however long those take.
        for _ in range(10):
            await asyncio.sleep(0)

    async def serve_connection(self, reader: Reader, writer: Writer) -> None:
        self.connections += 1
        self.open += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(length_of(head))
                self.requests.append((head, body))
                if not await self.behaviour(head, body, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self.open -= 1


def length_of(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@asynccontextmanager
async def serving(behaviour: Behaviour) -> AsyncIterator[BadServer]:
    """A server on a free port, gone when the block ends."""
    bad = BadServer(behaviour)
    tasks: set[asyncio.Task[None]] = set()
    writers: set[Writer] = set()

    def accept(reader: Reader, writer: Writer) -> None:
        writers.add(writer)
        task = asyncio.get_running_loop().create_task(bad.serve_connection(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    bad.port = server.sockets[0].getsockname()[1]
    try:
        yield bad
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # A task that was cancelled before its first step has closed nothing.
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


def plain(body: bytes, *, status: str = "200 OK", kind: str = "application/json", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


def saying(data: bytes, *, keeps: bool = True) -> Behaviour:
    """Answers every request with exactly these bytes."""

    async def behave(head: bytes, body: bytes, writer: Writer) -> bool:
        writer.write(data)
        await writer.drain()
        return keeps

    return behave


async def echo(head: bytes, body: bytes, writer: Writer) -> bool:
    writer.write(plain(body))
    return True


async def silence(head: bytes, body: bytes, writer: Writer) -> bool:
    await asyncio.Event().wait()
    return False


async def cut_before(head: bytes, body: bytes, writer: Writer) -> bool:
    return False


async def reset(head: bytes, body: bytes, writer: Writer) -> bool:
    writer.transport.abort()
    return False


def flood(size: int) -> Behaviour:
    """Announces nothing and sends `size` bytes in chunks."""

    async def behave(head: bytes, body: bytes, writer: Writer) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        block = b"10000\r\n" + b" " * 65536 + b"\r\n"
        for _ in range(size // 65536):
            writer.write(block)
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        return False

    return behave
