"""One keep-alive HTTP/1.1 connection to a microservice: bytes out, one answer in."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol, cast

from httptools import HttpParserError, HttpResponseParser

from predictions.errors import (
    AnswersTooManyError,
    AnswerTooLargeError,
    MicroserviceCutError,
    MicroserviceGarbageError,
)
from predictions.transports.base import Answer

# Type, flags and stream of the frame with which HTTP/2 begins, behind its length.
_SETTINGS: Final = b"\x04\0\0\0\0\0"


class StaleConnectionError(Exception):
    """A reused connection ended before a byte of answer; `nothing_sent` when it ended before the request."""

    def __init__(self, nothing_sent: bool) -> None:
        super().__init__()
        self.nothing_sent = nothing_sent


class Pool(Protocol):
    """What a connection tells its owner."""

    name: str
    max_answer_bytes: int
    # Of all answers under way that are too long to arrive at once.
    max_held_bytes: int
    held_bytes: int

    def take_back(self, connection: HttpConnection) -> None:
        """The answer is complete and the connection can carry another call."""

    def forget(self, connection: HttpConnection) -> None:
        """The connection is gone."""


class HttpConnection(asyncio.Protocol):
    """Carries one call at a time; the pool decides when."""

    __slots__ = (
        "_answer", "_body", "_content_type", "_extra", "_held", "_keeps", "_long_body", "_parser", "_pool",
        "_reused", "_size", "_sized", "_status", "_waiter", "expires_at", "idle_since", "transport",
    )  # fmt: skip

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._parser = HttpResponseParser(self)
        self._waiter: asyncio.Future[Answer] | None = None
        self._reused = False
        self._extra = False
        self._held = 0
        self._keeps = False
        self.transport: asyncio.Transport | None = None
        self.expires_at = 0.0
        self.idle_since = 0.0
        self._reset()

    def _reset(self) -> None:
        if self._held:
            self._pool.held_bytes -= self._held
            self._held = 0
        self._status = 0
        self._size = 0
        self._sized = False
        self._answer: Answer | None = None
        self._content_type = b""
        self._body = b""
        self._long_body: bytearray | None = None

    # -- the pool's side ---------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether the connection can carry a call, as far as this side knows."""
        return self.transport is not None and not self.transport.is_closing()

    def send(self, waiter: asyncio.Future[Answer], data: bytes, expires_at: float) -> None:
        """Write `data`; the answer, or why there is none, goes to `waiter`."""
        self._waiter = waiter
        self.expires_at = expires_at
        transport = cast("asyncio.Transport", self.transport)
        if transport.is_closing():
            self._fail(StaleConnectionError(nothing_sent=True))
            return
        transport.write(data)

    def fail(self, error: Exception) -> None:
        """End the call under way with `error` and the connection with it."""
        self._fail(error)
        self._reset()
        self.abort()

    def abort(self) -> None:
        """Drop the connection without ceremony."""
        if self.transport is not None:
            self.transport.abort()

    # -- asyncio's side ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._waiter is None:
            # Nobody asked: what follows on this connection could be taken for the next call's answer.
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._deliver(self._answer)
            is_grpc = data[3:9] == _SETTINGS
            reason = "gRPC where HTTP is expected" if is_grpc else f"not HTTP ({error})"
            self.fail(MicroserviceGarbageError(self._pool.name, reason))
            return
        if self._answer is not None:
            self._finish(self._answer)
        else:
            # From the first byte of answer on, a cut is a cut and never a reason to send again.
            self._reused = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.forget(self)
        if self._waiter is None:
            pass
        elif exc is None and self._status >= 200 and not self._sized:
            self._deliver(self._build_answer())
        elif self._reused:
            self._fail(StaleConnectionError(nothing_sent=False))
        else:
            self._fail(MicroserviceCutError(self._pool.name))
        # The parser and this hold each other until the next collection: the body must not wait for it.
        self._reset()

    # -- httptools' side ---------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._extra = self._answer is not None

    def on_header(self, name: bytes, value: bytes) -> None:
        size = len(name)
        if size == 12 and name.lower() == b"content-type":
            self._content_type = value
        elif size == 14 and name.lower() == b"content-length":
            self._sized = True
            if value.isdigit() and int(value) > self._pool.max_answer_bytes:
                self._refuse_size()
        elif size == 17 and name.lower() == b"transfer-encoding":
            self._sized = True

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._waiter is None:
            return
        if self._size > self._pool.max_answer_bytes:
            self._refuse_size()
        elif self._body:
            self._hold(body)
        else:
            self._body = body

    def on_message_complete(self) -> None:
        if self._status < 200:
            # 100 Continue and its like announce the answer; they are not the answer.
            self._reset()
        elif self._answer is None:
            self._answer = self._build_answer()
            # Asked here because the parser forgets it with the message.
            self._keeps = self._parser.should_keep_alive()

    # -- the end of a call -------------------------------------------------------------------------

    def _hold(self, body: bytes) -> None:
        """Keep one more piece of a long answer, as far as the pool has room for all of them."""
        if self._long_body is None:
            # Not a list: a body in pieces of a byte would take forty times its size.
            self._long_body = bytearray(self._body)
        self._long_body += body
        self._held += len(body)
        self._pool.held_bytes += len(body)
        if self._pool.held_bytes > self._pool.max_held_bytes:
            self.fail(AnswersTooManyError(self._pool.name, self._pool.max_held_bytes))

    def _refuse_size(self) -> None:
        self.fail(AnswerTooLargeError(self._pool.name, self._pool.max_answer_bytes))

    def _finish(self, answer: Answer) -> None:
        reusable = self._keeps and not self._extra and self.is_open
        self._deliver(answer)
        self._reset()
        if reusable:
            self._reused = True
            self._pool.take_back(self)
        elif self.transport is not None:
            self.transport.close()

    def _build_answer(self) -> Answer:
        body = self._body if self._long_body is None else bytes(self._long_body)
        return Answer(self._status, self._content_type.decode("latin-1"), body)

    def _deliver(self, answer: Answer | None) -> None:
        if answer is None:
            return
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(answer)

    def _fail(self, error: Exception) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)
