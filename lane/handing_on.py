"""Requests that the lane does not know, on their way to Django: with an id, and a bounded body."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

from common import clock
from common.errors import RequestTimeoutError, SeldonError, TooLargeError, UnavailableError
from common.logs import current_request
from lane.body import Hold, Receive
from lane.dialects import PROBLEM
from lane.gate import Gate, Turn
from lane.request import Request, Scope, make_request_id
from lane.room import BodyRoom

Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

# Django writes a body to disk before anybody looks at it, so it must be bounded here. A form of the
# console holds a whole configuration document, percent-encoded.
MAX_BODY_BYTES: Final = 4_194_304


@dataclass(slots=True)
class _Identified:
    """As much of a request as log lines and the problem dialect ask for."""

    request_id: str
    client: str = ""
    held_bytes: int = 0


class HandingOn:
    """Lets `application` answer, not more requests at once than its gate lets through."""

    def __init__(
        self,
        application: Application,
        timeout_seconds: float,
        gate: Gate | None = None,
        room: BodyRoom | None = None,
    ) -> None:
        self._application = application
        self._timeout_seconds = timeout_seconds
        self._gate = gate or Gate()
        self._room = room or BodyRoom()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a body too large or too slow is refused before the application sees it."""
        request_id = _request_id(scope)
        identified = _Identified(request_id)
        current_request.set(identified)
        turn = Turn(self._gate)
        hold = partial(self._room.hold, identified)
        body = BoundedBody(receive, MAX_BODY_BYTES, self._timeout_seconds, turn.begin, hold)
        answer = IdentifiedAnswer(send, request_id, turn.end)
        try:
            body.check_declared_length(scope)
            await self._application({**scope, "seldon.request_id": request_id}, body.receive, answer.send)
        except (TooLargeError, RequestTimeoutError, UnavailableError) as error:
            if answer.has_started:
                raise
            await answer.refuse(error)
        finally:
            self._room.let_go(identified)
            turn.end()


class BoundedBody:
    """Reads a body for somebody else; raises TooLargeError or RequestTimeoutError.

    `when_whole` is awaited before its last piece is handed out; `hold` is told of each, and may refuse it.
    """

    def __init__(
        self,
        receive: Receive,
        limit: int,
        timeout_seconds: float,
        when_whole: Callable[[], Awaitable[None]],
        hold: Hold,
    ) -> None:
        self._receive = receive
        self._when_whole = when_whole
        self._hold = hold
        self._limit = limit
        self._timeout_seconds = timeout_seconds
        self._deadline = clock.monotonic() + timeout_seconds
        self._size = 0
        self._is_complete = False

    def check_declared_length(self, scope: Scope) -> None:
        """Refuse by the Content-Length header before a byte of the body is read."""
        for name, value in scope["headers"]:
            if name == b"content-length" and (len(value) > 15 or int(value) > self._limit):
                raise self._too_large()

    async def receive(self) -> Any:
        """The next message; the time counts only until the body is complete."""
        if self._is_complete:
            return await self._receive()
        try:
            async with asyncio.timeout(self._deadline - clock.monotonic()):
                message = await self._receive()
        except TimeoutError as error:
            text = f"the body did not arrive within {self._timeout_seconds:g} s; send it again"
            raise RequestTimeoutError(text) from error
        self._size += len(message.get("body", b""))
        if self._size > self._limit:
            raise self._too_large()
        self._hold(self._size)
        self._is_complete = not message.get("more_body", False)
        if self._is_complete:
            await self._when_whole()
        return message

    def _too_large(self) -> TooLargeError:
        text = f"the body is larger than {self._limit} bytes; send less at once"
        return TooLargeError(text, limit_bytes=self._limit)


class IdentifiedAnswer:
    """Adds X-Request-ID to an answer, and calls `when_ready` as soon as there is one to send."""

    def __init__(self, send: Send, request_id: str, when_ready: Callable[[], None]) -> None:
        self._send = send
        self._when_ready = when_ready
        self._request_id = request_id
        self.has_started = False

    async def send(self, message: Any) -> None:
        """Pass `message` on."""
        if message["type"] == "http.response.start":
            self.has_started = True
            self._when_ready()
            headers = [*message.get("headers", ()), (b"x-request-id", self._request_id.encode())]
            message = {**message, "headers": headers}
        await self._send(message)

    async def refuse(self, error: SeldonError) -> None:
        """Answer with `error` as a problem; a connection too slow ends.

        One that brings too much stays: closed under a caller who still sends, it would lose the answer.
        """
        reply = PROBLEM.write(error, cast("Request", _Identified(self._request_id)))
        headers = [
            (b"content-type", reply.content_type),
            (b"content-length", b"%d" % len(reply.body)),
            *reply.headers,
        ]
        await self.send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": reply.body})


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        given = value.decode("latin-1") if name == b"x-request-id" else ""
        if 0 < len(given) <= 128 and given.isascii() and given.isprintable():
            return str(given)
    return make_request_id()
