"""HTTP/1.1 to one microservice over a small pool of keep-alive connections.

Own code instead of a library because it is the gateway's hot path: performance.md of the design
measured twice to twenty times the calls per second of the libraries, and `benchmarks/gateway.py`
keeps measuring.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import cache
from typing import Final
from urllib.parse import quote, urlsplit

from common.networks import Network, is_allowed
from predictions.errors import (
    MicroserviceBusyError,
    MicroserviceCutError,
    MicroserviceDownError,
    MicroserviceNotAllowedError,
    MicroserviceSlowError,
)
from predictions.transports.base import Answer, Call, Transport
from predictions.transports.connection import HttpConnection, StaleConnectionError

# Deadlines and idle connections are looked at this often: one timer a pool instead of one a call.
SWEEP_SECONDS: Final = 0.02
# Servers drop idle connections after 2 s (gunicorn) or 5 s (uvicorn); leaving first avoids the race.
IDLE_SECONDS: Final = 1.5
CONNECT_SECONDS: Final = 2.0
_HEADS_KEPT: Final = 16
# A model that sends its largest answer to every caller at once must not take the worker's memory.
LARGEST_ANSWERS_AT_ONCE: Final = 4


class HttpTransport(Transport):
    """Calls `http://host:port`, `https://host:port` or `unix:/path` over at most `max_connections`.

    With `networks`, connections over TCP are made only to addresses in them.
    """

    def __init__(
        self,
        name: str,
        origin: str,
        *,
        max_connections: int = 64,
        max_answer_bytes: int = 33_554_432,
        networks: tuple[Network, ...] = (),
    ) -> None:
        self.name = name
        self.max_connections = max_connections
        self.max_answer_bytes = max_answer_bytes
        self.max_held_bytes = max_answer_bytes * LARGEST_ANSWERS_AT_ONCE
        self.held_bytes = 0
        self._origin = origin
        self._networks = networks
        self._idle: list[HttpConnection] = []
        self._busy: set[HttpConnection] = set()
        self._opening = 0
        self._sweeping = False
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._heads: dict[tuple[str, str, str], bytes] = {}

    async def call(self, call: Call, seconds: float) -> Answer:
        loop = self._loop or self._find_loop()
        expires_at = loop.time() + seconds
        data = self._head(call) + call.body
        try:
            while self._idle:
                try:
                    return await self._exchange(loop, self._idle.pop(), data, expires_at)
                except StaleConnectionError as stale:
                    if not (stale.nothing_sent or call.method == "GET"):
                        raise
            return await self._exchange(loop, await self._open(loop, expires_at), data, expires_at)
        except StaleConnectionError:
            raise MicroserviceCutError(self.name) from None
        except TimeoutError:
            raise MicroserviceSlowError(self.name, seconds) from None

    def _find_loop(self) -> asyncio.AbstractEventLoop:
        """The loop that this transport lives in; kept, because asking asyncio is a system call each time."""
        self._loop = asyncio.get_running_loop()
        return self._loop

    async def close(self) -> None:
        self._closed = True
        for connection in [*self._idle, *self._busy]:
            connection.fail(MicroserviceDownError(self.name, "the gateway lets go of it"))

    # -- what a connection tells -------------------------------------------------------------------

    def take_back(self, connection: HttpConnection) -> None:
        """Keep the connection for the next call; the one used last is used first."""
        self._busy.discard(connection)
        if self._closed:
            connection.abort()
            return
        connection.idle_since = 0.0
        self._idle.append(connection)

    def forget(self, connection: HttpConnection) -> None:
        """The connection is gone."""
        self._busy.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    # -- one call ----------------------------------------------------------------------------------

    async def _exchange(
        self, loop: asyncio.AbstractEventLoop, connection: HttpConnection, data: bytes, expires_at: float
    ) -> Answer:
        waiter: asyncio.Future[Answer] = loop.create_future()
        self._busy.add(connection)
        connection.send(waiter, data, expires_at)
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(SWEEP_SECONDS, self._sweep, loop)
        try:
            return await waiter
        except asyncio.CancelledError:
            # The answer would arrive on a connection that somebody else holds by then.
            connection.abort()
            raise

    async def _open(self, loop: asyncio.AbstractEventLoop, expires_at: float) -> HttpConnection:
        if self._closed:
            raise MicroserviceDownError(self.name, "the gateway lets go of it")
        if len(self._busy) + self._opening >= self.max_connections:
            raise MicroserviceBusyError(self.name, self.max_connections)
        self._opening += 1
        left = expires_at - loop.time()
        try:
            async with asyncio.timeout(min(CONNECT_SECONDS, left)):
                return await self._connect(loop)
        except TimeoutError:
            if left <= CONNECT_SECONDS:
                raise
            raise MicroserviceDownError(self.name, f"no connection within {CONNECT_SECONDS:g} s") from None
        except OSError as error:
            raise MicroserviceDownError(self.name, _reason(error)) from None
        except UnicodeError:
            # Resolvers refuse a name with an empty or overlong label before they ask anybody.
            raise MicroserviceDownError(self.name, "its host is no name that can be looked up") from None
        finally:
            self._opening -= 1

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> HttpConnection:
        if self._origin.startswith("unix:"):
            path = self._origin.removeprefix("unix:")
            return (await loop.create_unix_connection(lambda: HttpConnection(self), path))[1]
        parts = urlsplit(self._origin)
        tls = _tls_context() if parts.scheme == "https" else None
        host, port = parts.hostname or "", parts.port or (443 if tls else 80)
        if self._networks:
            return await self._connect_within(loop, host, port, tls)
        return (await loop.create_connection(lambda: HttpConnection(self), host, port, ssl=tls))[1]

    async def _connect_within(
        self, loop: asyncio.AbstractEventLoop, host: str, port: int, tls: ssl.SSLContext | None
    ) -> HttpConnection:
        """A connection to the first address of `host` that is allowed and answers.

        The addresses that were judged are the ones connected to: a name that resolves to another
        address the next time (DNS rebinding) gains nothing.
        """
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(place[0]) for *_, place in found if is_allowed(str(place[0]), self._networks)]
        if not addresses:
            raise MicroserviceNotAllowedError(self.name)
        name = host if tls else None
        failure = OSError()
        for address in addresses:
            try:
                made = await loop.create_connection(
                    lambda: HttpConnection(self), address, port, ssl=tls, server_hostname=name
                )
                return made[1]
            except OSError as error:
                failure = error
        raise failure

    def _head(self, call: Call) -> bytes:
        """Request line and headers; the part that does not change from call to call is made once."""
        if call.method == "GET":
            fixed = self._fixed_head("GET", call.target, "")
            return b"%b%b\r\n%b\r\n" % (fixed, _header_value(call.puid), call.headers)
        key = (call.method, call.target, call.content_type)
        head = self._heads.get(key)
        if head is None:
            head = self._fixed_head(*key)
            if len(self._heads) < _HEADS_KEPT:
                self._heads[key] = head
        puid, size = _header_value(call.puid), len(call.body)
        return b"%b%b\r\n%bContent-Length: %d\r\n\r\n" % (head, puid, call.headers, size)

    def _fixed_head(self, method: str, target: str, content_type: str) -> bytes:
        host = "localhost" if self._origin.startswith("unix:") else urlsplit(self._origin).netloc
        kind = f"Content-Type: {content_type}\r\n" if content_type else ""
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n{kind}Seldon-Puid: "
        )
        return head.encode("latin-1")

    # -- deadlines ---------------------------------------------------------------------------------

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """End calls past their deadline and connections idle for too long; stop when nothing is left."""
        now = loop.time()
        for connection in [busy for busy in self._busy if busy.expires_at <= now]:
            connection.fail(TimeoutError())
        self._drop_idle(now)
        self._sweeping = bool(self._busy or self._idle)
        if self._sweeping:
            loop.call_later(SWEEP_SECONDS, self._sweep, loop)

    def _drop_idle(self, now: float) -> None:
        for connection in list(self._idle):
            if connection.idle_since == 0.0:
                connection.idle_since = now
            elif now - connection.idle_since > IDLE_SECONDS:
                self._idle.remove(connection)
                connection.abort()


def _header_value(puid: str) -> bytes:
    """`puid` as one header value: what is not plain is percent-encoded, so that it cannot end the line."""
    return puid.encode() if puid.isalnum() and puid.isascii() else quote(puid, errors="replace").encode()


@cache
def _tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _reason(error: OSError) -> str:
    """What a person can act on, without our addresses in it."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason})"
    return error.strerror or type(error).__name__
