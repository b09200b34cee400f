"""A transport that answers from a function: for tests, and for models that live in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from predictions.errors import AnswerTooLargeError, MicroserviceDownError, MicroserviceSlowError
from predictions.transports.base import Answer, Call, Transport

Handler = Callable[[Call], Awaitable[Answer]]


class MemoryTransport(Transport):
    """Gives each call to `handler`, with the deadline and the size limit of a real transport."""

    def __init__(self, name: str, handler: Handler, max_answer_bytes: int = 33_554_432) -> None:
        self.name = name
        self.calls: list[Call] = []
        self._handler = handler
        self._max_answer_bytes = max_answer_bytes
        self._closed = False

    async def call(self, call: Call, seconds: float) -> Answer:
        if self._closed:
            raise MicroserviceDownError(self.name, "the transport is closed")
        self.calls.append(call)
        try:
            async with asyncio.timeout(seconds):
                answer = await self._handler(call)
        except TimeoutError:
            raise MicroserviceSlowError(self.name, seconds) from None
        if len(answer.body) > self._max_answer_bytes:
            raise AnswerTooLargeError(self.name, self._max_answer_bytes)
        return answer

    async def close(self) -> None:
        self._closed = True
