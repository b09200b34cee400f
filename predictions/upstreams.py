"""A microservice in use: its transport behind its concurrency limit and circuit breaker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import orjson

from common import clock
from common.errors import DeadlineExceededError, SeldonError, UnavailableError, UpstreamError
from common.metrics import Counter, Gauge, Histogram
from predictions.breaker import Breaker
from predictions.errors import (
    MessageError,
    MicroserviceBusyError,
    MicroserviceGarbageError,
    MicroserviceRestingError,
    ModelRefusedError,
)
from predictions.graphs.converting import off_loop
from predictions.limits import ConcurrencyLimit
from predictions.protocols import PROTOCOLS
from predictions.protocols.base import Document
from predictions.protocols.over_grpc import FindTypes, find_none, protocol_of
from predictions.records import Ask, MicroserviceSpec, Outcome
from predictions.transports.base import Answer, Call, Transport

CALLS: Final = Counter(
    "seldon_microservice_calls", "Calls of microservices by outcome.", ("client", "microservice", "outcome")
)
SECONDS: Final = Histogram(
    "seldon_microservice_seconds", "Time a microservice takes to answer.", ("client", "microservice")
)
OPEN: Final = Gauge(
    "seldon_microservice_open", "Workers whose circuit breaker rests.", ("client", "microservice")
)
# A microservice behind a proxy that cannot reach it is as down as one that cannot be reached.
_DOWN_STATUSES: Final = frozenset({502, 503, 504})
LONGEST_WAIT_SECONDS: Final = 1.0

# A protocol's way to take an answer apart: (name of the microservice, answer).
Reader = Callable[[str, Answer], tuple[Document, bytes]]


class Upstream:
    """One microservice as one worker reaches it."""

    __slots__ = (
        "_is_retired",
        "_labels",
        "_ok",
        "breaker",
        "client",
        "limit",
        "protocol",
        "spec",
        "target",
        "transport",
    )

    def __init__(
        self, client: str, spec: MicroserviceSpec, transport: Transport, find_types: FindTypes = find_none
    ) -> None:
        self.client = client
        self.spec = spec
        self.transport = transport
        self.protocol = protocol_of(spec.protocol, find_types) if spec.is_grpc else PROTOCOLS[spec.protocol]
        self.target = spec.target
        self.limit = ConcurrencyLimit(spec.concurrency_limit, max_waiting=spec.concurrency_limit)
        self.breaker = Breaker(clock.monotonic)
        self._is_retired = False
        self._labels = (client, spec.name)
        self._ok = (client, spec.name, "ok")

    async def predict(self, ask: Ask, seconds: float) -> Outcome:
        """The model's answer in the caller's protocol, within `seconds`; raises why there is none."""
        same = ask.protocol.name == self.protocol.name
        call = await off_loop(len(ask.body), self._call_of, ask, same)
        answer = await self.call(call, seconds)
        try:
            document, body = await self._read(answer)
        except ModelRefusedError as error:
            if not same:
                # The model's own words are in a protocol that the caller does not speak.
                error.body = b""
            raise
        if same:
            return Outcome(self.spec.name, document, body)
        try:
            message = await off_loop(len(answer.body), self.protocol.read_answer, document)
        except MessageError as error:
            raise MicroserviceGarbageError(self.spec.name, error.message) from None
        written = await off_loop(len(answer.body), ask.protocol.write_answer, message, ask.message)
        return Outcome(self.spec.name, written)

    def _call_of(self, ask: Ask, same: bool) -> Call:
        body = ask.body if same else orjson.dumps(self.protocol.write_request(ask.message))
        return self.protocol.call(self.target, body, self.client, ask.puid)

    def read(self, answer: Answer, reader: Reader) -> tuple[Document, bytes]:
        """What `reader` finds in `answer`, counted: an answer of good status that cannot be used is none."""
        try:
            found = reader(self.spec.name, answer)
        except SeldonError as error:
            self._note_unusable(answer, error)
            raise
        CALLS.add(self._ok)
        return found

    async def _read(self, answer: Answer) -> tuple[Document, bytes]:
        """The same by the microservice's protocol, beside the loop where that is much work."""
        reader = self.protocol.read_document
        try:
            found = await off_loop(len(answer.body), reader, self.spec.name, answer)
        except SeldonError as error:
            self._note_unusable(answer, error)
            raise
        CALLS.add(self._ok)
        return found

    def _note_unusable(self, answer: Answer, error: SeldonError) -> None:
        if answer.status < 400:
            CALLS.add((*self._labels, error.code))

    async def ask(self, call: Call, seconds: float) -> Answer:
        """The same as `call`, where nobody reads the answer by the protocol: counted by its status."""
        answer = await self.call(call, seconds)
        if answer.status < 400:
            CALLS.add(self._ok)
        return answer

    async def call(self, call: Call, seconds: float) -> Answer:
        """What the microservice answers to `call`, limited and watched by the breaker; `read` it next."""
        if self.breaker.state != "closed" and not self.breaker.try_enter():
            CALLS.add((*self._labels, "resting"))
            raise MicroserviceRestingError(self.spec.name, self.breaker.resting_seconds())
        started = clock.perf_counter()
        if not self.limit.try_acquire():
            await self._wait_for_place(seconds)
            seconds -= clock.perf_counter() - started
        try:
            answer = await self.transport.call(call, min(seconds, self.spec.deadline_seconds))
        except SeldonError as error:
            self._note_failure(error, seconds)
            raise
        except asyncio.CancelledError:
            self.breaker.note_abandoned()
            raise
        finally:
            self.limit.release()
        SECONDS.observe(clock.perf_counter() - started, self._labels)
        self._note_answer(answer)
        return answer

    def note_retired(self) -> None:
        """Another one takes its place: calls under way end, and say no more how the microservice does."""
        if self.breaker.state != "closed":
            OPEN.set(0.0, self._labels)
        self._is_retired = True

    def _show_state(self) -> None:
        if not self._is_retired:
            OPEN.set(float(self.breaker.state == "open"), self._labels)

    async def _wait_for_place(self, seconds: float) -> None:
        wait = min(seconds, self.spec.deadline_seconds, LONGEST_WAIT_SECONDS)
        entered = False
        try:
            entered = await self.limit.acquire(wait)
        finally:
            if not entered:
                self.breaker.note_abandoned()
        if not entered:
            CALLS.add((*self._labels, "busy"))
            raise MicroserviceBusyError(self.spec.name, self.spec.concurrency_limit)

    def _note_failure(self, error: SeldonError, seconds: float) -> None:
        CALLS.add((*self._labels, error.code))
        is_own = isinstance(error, UpstreamError) or (
            # A call that was given less than the deadline says nothing about the microservice.
            isinstance(error, DeadlineExceededError) and seconds >= self.spec.deadline_seconds
        )
        if is_own:
            self.breaker.note_failure()
            self._show_state()
        else:
            self.breaker.note_abandoned()

    def _note_answer(self, answer: Answer) -> None:
        if answer.status in _DOWN_STATUSES:
            CALLS.add((*self._labels, f"status_{answer.status}"))
            self.breaker.note_failure()
            self._show_state()
            return
        was_closed = self.breaker.state == "closed"
        self.breaker.note_success()
        if not was_closed:
            self._show_state()
        if answer.status >= 400:
            CALLS.add((*self._labels, f"status_{answer.status}"))


class MissingUpstream:
    """Stands where a strategy names a microservice that is not registered; the next algorithm is tried."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def predict(self, ask: Ask, seconds: float) -> Outcome:
        """Raises that there is nothing to call."""
        raise UnavailableError(f"The strategy names microservice {self.name!r}, which is not registered.")
