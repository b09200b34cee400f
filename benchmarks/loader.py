"""A load generator: closed loop where wrk is missing, open loop with fixed arrival times for latency.

Reads its order as JSON from standard input and says what it measured as JSON. In the open loop latency
counts from the moment a request arrives, also when it must then wait for a free connection, so that a
server that stalls cannot hide it. What the timer of this process is late by does not count.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import httptools
import uvloop


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request under way."""

    def __init__(self, requests: Iterator[bytes], results: list[float]) -> None:
        self.requests = requests
        self.results = results
        self.errors = 0
        self.transport: Any = None
        self.parser: Any = None
        self.due = 0.0
        self.answered: asyncio.Future[None] | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answered and not self.answered.done():
            self.errors += 1
            self.answered.set_exception(ConnectionResetError())

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self.parser.get_status_code() >= 400:
            self.errors += 1
        self.results.append(time.perf_counter() - self.due)
        if self.answered:
            self.answered.set_result(None)

    async def ask(self, due: float) -> None:
        """Send the request and wait for its answer."""
        self.due = due
        self.parser = httptools.HttpResponseParser(self)
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(next(self.requests))
        await self.answered


def _requests(order: dict[str, Any]) -> Iterator[bytes]:
    body = order["body"].encode()
    fixed = {"host": "127.0.0.1", "content-length": str(len(body)), **order["headers"]}
    changing = [{"authorization": f"Bearer {token}"} for token in order["tokens"]] or [{}]
    return cycle([_request(order, {**fixed, **headers}, body) for headers in changing])


def _request(order: dict[str, Any], headers: dict[str, str], body: bytes) -> bytes:
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{order['method']} {order['path']} HTTP/1.1\r\n{head}\r\n".encode() + body


async def _closed(connection: Connection, end: float) -> None:
    while time.perf_counter() < end:
        await connection.ask(time.perf_counter())


async def _open(connections: list[Connection], rate: float, end: float) -> None:
    free, tasks = deque(connections), set()
    due = time.perf_counter()
    # A server that cannot keep up is not asked for longer than was ordered.
    while due < end and time.perf_counter() < end:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        arrived = time.perf_counter()
        while not free:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        connection = free.popleft()
        task = asyncio.create_task(connection.ask(arrived))
        tasks.add(task)
        task.add_done_callback(lambda done, back=connection: (tasks.discard(done), free.append(back)))
        due += 1 / rate
    if tasks:
        await asyncio.wait(tasks, timeout=10)


async def main() -> None:
    """Run the order."""
    order = json.load(sys.stdin)
    loop, results = asyncio.get_running_loop(), []
    requests = _requests(order)
    connections = []
    for _ in range(order["connections"]):
        made = await loop.create_connection(lambda: Connection(requests, results), "127.0.0.1", order["port"])
        connections.append(made[1])
    started = time.perf_counter()
    end = started + order["seconds"]
    if order["rate"]:
        await _open(connections, order["rate"], end)
    else:
        await asyncio.gather(
            *[_closed(connection, end) for connection in connections], return_exceptions=True
        )
    seconds = time.perf_counter() - started
    results.sort()
    at = lambda share: results[min(len(results) - 1, int(len(results) * share))] * 1e3 if results else 0.0  # noqa: E731
    said = {"requests": len(results), "seconds": seconds, "errors": sum(c.errors for c in connections)}
    print(json.dumps({**said, "p50_ms": at(0.5), "p99_ms": at(0.99), "p999_ms": at(0.999)}))


if __name__ == "__main__":
    uvloop.run(main())
