"""What every transport takes and gives: a call, an answer, a deadline."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from common.errors import SeldonError


class Call(NamedTuple):
    """One request to a microservice. `target` is the path with its query, already encoded."""

    method: str
    target: str
    body: bytes = b""
    content_type: str = "application/json"
    puid: str = ""
    # More header lines, each ended by CR LF.
    headers: bytes = b""


class Answer(NamedTuple):
    """What the microservice said, unread."""

    status: int
    content_type: str
    body: bytes


class Transport(ABC):
    """Carries calls to one microservice.

    `call` raises MicroserviceDownError or MicroserviceNotAllowedError (nothing was sent),
    MicroserviceCutError, MicroserviceGarbageError, AnswerTooLargeError, AnswersTooManyError or
    MicroserviceSlowError; an answer of any status is an answer.
    A call is sent twice only when nothing of it had been sent, or when it is a GET on a connection that
    the microservice had closed meanwhile.
    """

    @abstractmethod
    async def call(self, call: Call, seconds: float) -> Answer:
        """The complete answer to `call`, within `seconds`."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of every connection; calls under way fail."""


class RefusingTransport(Transport):
    """Stands where nothing may be called: every call raises what `error` makes."""

    def __init__(self, error: Callable[[], SeldonError]) -> None:
        self._error = error

    async def call(self, call: Call, seconds: float) -> Answer:
        raise self._error()

    async def close(self) -> None:
        """Nothing was opened."""
