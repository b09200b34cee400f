"""uvicorn's protocol with limits it lacks: a bound on the request head, in bytes and in time."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from lane.request import make_request_id
from lane.whole import CYCLE

# Status line and text of what is refused before there is a request.
_BAD_REQUEST: Final = "400 Bad Request", "this is not an HTTP request"
_HEAD_TOO_LARGE: Final = (
    "431 Request Header Fields Too Large",
    "the request line and headers are too long",
)
_STOPPING: Final = "503 Service Unavailable", "the server stops before this request arrived; send it again"
_HEAD_TOO_SLOW: Final = "408 Request Timeout", "the request line and headers did not arrive in time"


class BoundedHttpProtocol(HttpToolsProtocol):
    """Refuses a head over `max_head_bytes` with 431 and one slower than `head_timeout_seconds` with 408.

    Without this a connection that sends one header byte a minute, or a header without end, would be
    kept and buffered for ever. A caller that closes its sending side after a whole request still
    gets the answer.
    """

    max_head_bytes = 65_536
    head_timeout_seconds = 30.0
    # How long a stopping server waits for the rest of a request that is still arriving.
    stopping_seconds = 2.0

    _is_in_head = False
    _is_refused = False
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the clock of the first head."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; look closer only while a head is unfinished or suspiciously long."""
        if self._is_refused:
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if self._is_in_head:
            if self._head_timer is None:
                self._start_timer()
            if self._head_bytes > self.max_head_bytes:
                self._refuse_with(*_HEAD_TOO_LARGE)

    def _unsupported_upgrade_warning(self) -> None:
        """An offer to speak another protocol may be passed over; uvicorn would advise to install one."""

    def shutdown(self) -> None:
        """Finish what is under way; what never arrives must not hold the server up."""
        super().shutdown()
        if self._is_arriving():
            self.loop.call_later(self.stopping_seconds, self._refuse_unfinished)

    # asyncio asks for the flag that uvicorn does not give.
    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep the answering side open while an answer is under way."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body:
            return False
        # Nothing can follow, so the connection is not kept for what follows.
        cycle.keep_alive = False
        return True

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser does not take for HTTP."""
        self._refuse_with(*_BAD_REQUEST)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head is complete: refuse it when it is too long, else serve it."""
        self._is_in_head = False
        if self._head_timer is not None:
            self._stop_timer()
        # Only a head in many or large pieces needs its size added up.
        if self._head_bytes > self.max_head_bytes and self._head_size() > self.max_head_bytes:
            self._refuse_with(*_HEAD_TOO_LARGE)
            return
        self._head_bytes = 0
        super().on_headers_complete()
        # Only read by the task that was made above, so not before the loop's next turn.
        self.scope[CYCLE] = self.cycle  # type: ignore[typeddict-unknown-key]

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, unless the head was refused."""
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._head_bytes = 0
        if not self._is_refused:
            super().on_message_complete()

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _on_slow_head(self) -> None:
        self._head_timer = None
        self._refuse_with(*_HEAD_TOO_SLOW)

    def _is_arriving(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and cycle.more_body and not cycle.response_started

    def _refuse_unfinished(self) -> None:
        if self._is_arriving():
            self._refuse_with(*_STOPPING)

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.head_timeout_seconds, self._on_slow_head)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse_with(self, status_line: str, text: str) -> None:
        self._is_refused = True
        self._stop_timer()
        if self.transport.is_closing():
            return
        lines = (
            f"HTTP/1.1 {status_line}",
            "content-type: text/plain; charset=utf-8",
            f"content-length: {len(text)}",
            f"x-request-id: {make_request_id()}",
            "connection: close",
        )
        self.transport.write("\r\n".join((*lines, "", text)).encode())
        self.transport.close()
