"""Sends what units are asked and answer to a URL, as CloudEvents: beside the requests, never in their way."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit
from uuid import uuid4

from common import clock
from common.errors import SeldonError
from common.metrics import Counter
from predictions.graphs.message import Message
from predictions.graphs.serving import Unit
from predictions.graphs.walk import Walk
from predictions.records import MicroserviceSpec
from predictions.registry import MakeTransport
from predictions.transports.base import Call, Transport

logger = logging.getLogger(__name__)

DROPPED: Final = Counter(
    "seldon_request_log_dropped",
    "Messages that a request logger did not take, by reason.",
    ("client", "reason"),
)
MAX_WAITING: Final = 10_000
MAX_WAITING_BYTES: Final = 67_108_864
SENDERS: Final = 10
SEND_SECONDS: Final = 60.0
LAST_SECONDS: Final = 2.0
REQUEST: Final = "io.seldon.serving.inference.request"
RESPONSE: Final = "io.seldon.serving.inference.response"
FEEDBACK: Final = "io.seldon.serving.feedback"


class Event(NamedTuple):
    """One message on its way to a logger."""

    client: str
    url: str
    call: Call


class RequestLog:
    """What waits to be sent, bounded in number and bytes; what is over is dropped and counted."""

    def __init__(self, make_transport: MakeTransport, default_url: str = "") -> None:
        self.default_url = default_url
        self._make_transport = make_transport
        self._transports: dict[str, Transport] = {}
        self._waiting: deque[Event] = deque()
        self._bytes = 0
        self._senders: set[asyncio.Task[None]] = set()

    def add(self, event: Event) -> None:
        """Send `event` soon."""
        size = len(event.call.body)
        if len(self._waiting) >= MAX_WAITING or self._bytes + size > MAX_WAITING_BYTES:
            DROPPED.add((event.client, "too_many"))
            return
        self._waiting.append(event)
        self._bytes += size
        if len(self._senders) < SENDERS:
            task = asyncio.get_running_loop().create_task(self._send_all())
            self._senders.add(task)
            task.add_done_callback(self._senders.discard)

    async def _send_all(self) -> None:
        while self._waiting:
            event = self._waiting.popleft()
            self._bytes -= len(event.call.body)
            try:
                answer = await self._transport(event.url).call(event.call, SEND_SECONDS)
            except SeldonError as error:
                DROPPED.add((event.client, error.code))
                logger.info("request logger of client %s: %s", event.client, error.message)
                continue
            if answer.status >= 400:
                DROPPED.add((event.client, f"status_{answer.status}"))

    def _transport(self, url: str) -> Transport:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        found = self._transports.get(origin)
        if found is None:
            spec = MicroserviceSpec(f"request logger {origin}", origin, "seldon", SEND_SECONDS, SENDERS)
            found = self._transports[origin] = self._make_transport(spec)
        return found

    async def close(self) -> None:
        """Send what waits, for a moment, and let go of the connections."""
        if self._senders:
            await asyncio.wait(self._senders, timeout=LAST_SECONDS)
        for task in list(self._senders):
            task.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)
        for event in self._waiting:
            DROPPED.add((event.client, "stopped"))
        for transport in self._transports.values():
            await transport.close()


class UnitLog:
    """What of one unit is logged, and where to."""

    __slots__ = ("_client", "_fixed", "_log", "_target", "_url", "logs_requests", "logs_responses")

    def __init__(self, log: RequestLog, unit: Unit, facts: dict[str, str]) -> None:
        self._log = log
        self._url = unit.logger_url or log.default_url
        parts = urlsplit(self._url)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.logs_requests = unit.logger_mode in ("all", "request")
        self.logs_responses = unit.logger_mode in ("all", "response")
        self._client = facts["Namespace"]
        lines = {
            "Specversion": "1.0",
            "Source": f"http://{socket.gethostname()}/",
            "Modelid": unit.name,
            **facts,
        }
        self._fixed = "".join(f"Ce-{key}: {quote(value, safe=_SAFE)}\r\n" for key, value in lines.items())

    async def request(self, message: Message, walk: Walk) -> None:
        """Log what came to the unit."""
        if self.logs_requests and walk.is_logged:
            await self._add_message(REQUEST, message, walk)

    async def response(self, message: Message, walk: Walk) -> None:
        """Log what goes on from the unit."""
        if self.logs_responses and walk.is_logged:
            await self._add_message(RESPONSE, message, walk)

    def feedback(self, body: bytes, walk: Walk) -> None:
        """Log a feedback that came to the unit."""
        if self.logs_responses and walk.is_logged:
            self._add(FEEDBACK, body, walk)

    async def _add_message(self, kind: str, message: Message, walk: Walk) -> None:
        try:
            body = await message.text()
        except SeldonError:
            # JSON cannot say it, and a graph whose units speak gRPC need not care.
            DROPPED.add((self._client, "no_json"))
            return
        self._add(kind, body, walk)

    def _add(self, kind: str, body: bytes, walk: Walk) -> None:
        own = {"Id": str(uuid4()), "Type": kind, "Time": clock.now().isoformat(), "Requestid": walk.puid}
        lines = "".join(f"Ce-{key}: {quote(value, safe=_SAFE)}\r\n" for key, value in own.items())
        headers = (self._fixed + lines).encode("ascii")
        call = Call("POST", self._target, body, "application/json", walk.puid, headers)
        self._log.add(Event(self._client, self._url, call))


_SAFE: Final = " /:+@="


def unit_log(log: RequestLog, unit: Unit, facts: dict[str, str]) -> UnitLog | None:
    """How `unit` is logged; None when it is not, or nobody says where to."""
    if not unit.logger_mode or not (unit.logger_url or log.default_url):
        return None
    return UnitLog(log, unit, facts)
