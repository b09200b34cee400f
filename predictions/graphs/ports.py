"""Where a unit is reached: its replicas, called by least outstanding requests."""

from __future__ import annotations

from typing import Final, Protocol

from predictions.errors import (
    MicroserviceDownError,
    MicroserviceNotAllowedError,
    MicroserviceRestingError,
    UnitNotReadyError,
)
from predictions.transports.base import Answer, Call
from predictions.upstreams import Upstream

# Nothing of the call was done at the replica that fails like this, so that another one may be asked.
_NOTHING_DONE: Final = (MicroserviceDownError, MicroserviceNotAllowedError, MicroserviceRestingError)


class Port(Protocol):
    """What carries the calls of one unit."""

    async def ask(self, call: Call, seconds: float) -> Answer:
        """What the unit answers, of any status; raises why there is no answer."""


class NoPort:
    """Of a unit that has no replica."""

    def __init__(self, unit: str) -> None:
        self._unit = unit

    async def ask(self, call: Call, seconds: float) -> Answer:
        """Raises that the unit is not ready."""
        raise UnitNotReadyError(self._unit)


class ReplicasPort:
    """Of a unit with several replicas."""

    def __init__(self, replicas: tuple[Upstream, ...]) -> None:
        self._replicas = replicas
        self._next = 0

    async def ask(self, call: Call, seconds: float) -> Answer:
        """The answer of the least busy replica; of the next one when nothing reached the former."""
        waiting = self._by_load()
        while True:
            replica = waiting.pop()
            try:
                return await replica.ask(call, seconds)
            except _NOTHING_DONE:
                if not waiting:
                    raise

    def _by_load(self) -> list[Upstream]:
        """The least busy one last; those whose breaker rests first. Equals take turns."""
        self._next = (self._next + 1) % len(self._replicas)
        turned = self._replicas[self._next :] + self._replicas[: self._next]
        return sorted(turned, key=_busyness, reverse=True)


def _busyness(replica: Upstream) -> tuple[bool, int]:
    return replica.breaker.state != "closed", replica.limit.held + replica.limit.waiting
