"""What anybody may ask over gRPC, health and reflection: in few streams, for each takes memory.

A stranger who opened eight thousand watches took 180 MB of the workers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import grpc
from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from microservice.protocol.pools import EveryPool
from microservice.protocol.words import cut_words

MOST_STREAMS: Final = 100
# Each may at any time be sending a message up to the limit of the whole door.
MOST_CONVERSATIONS: Final = 16
_TOO_MANY: Final = "too many streams of health and reflection are open; try again later"


async def add_open_services(server: aio.Server, services: Sequence[str], most: int = MOST_STREAMS) -> None:
    """Have `server` tell that `services` serve, and what their messages are; `most` streams of each."""
    healths = FewWatches(services, most)
    health_pb2_grpc.add_HealthServicer_to_server(healths, server)
    named = (*services, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflected = FewReflections(named, min(most, MOST_CONVERSATIONS))
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflected, server)
    for service in ("", *services):
        await healths.set(service, health_pb2.HealthCheckResponse.SERVING)


class Places:
    """A few places for streams."""

    def __init__(self, most: int) -> None:
        self._left = most

    @property
    def are_taken(self) -> bool:
        """Whether there is none left."""
        return self._left < 1

    @contextmanager
    def one(self) -> Iterator[None]:
        """Take one, until the block ends."""
        self._left -= 1
        try:
            yield
        finally:
            self._left += 1


class FewWatches(health.aio.HealthServicer):  # type: ignore[misc]
    """Tells health to all who ask, and to a few of its changes."""

    def __init__(self, services: Sequence[str], most: int) -> None:
        super().__init__()
        self._services = frozenset(("", *services))
        self._places = Places(most)

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 (its name on the wire)
        """The state now; a name that is none is told in words."""
        if request.service not in self._services:
            words = f"There is no service {request.service!r} here: reflection lists them, no name means all."
            await context.abort(grpc.StatusCode.NOT_FOUND, cut_words(words))
        return await super().Check(request, context)

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: N802 (its name on the wire)
        """The state now and whenever it changes."""
        if self._places.are_taken:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, _TOO_MANY)
        with self._places.one():
            await super().Watch(request, context)


class FewReflections(reflection.aio.ReflectionServicer):  # type: ignore[misc]
    """Describes services and messages to a few at once."""

    def __init__(self, services: Sequence[str], most: int) -> None:
        super().__init__(services, pool=EveryPool())
        self._places = Places(most)

    async def ServerReflectionInfo(  # noqa: N802 (its name on the wire)
        self, request_iterator: Any, context: Any
    ) -> AsyncIterator[Any]:
        """An answer to each question of the stream."""
        if self._places.are_taken:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, _TOO_MANY)
        with self._places.one():
            async for answer in super().ServerReflectionInfo(request_iterator, context):
                yield answer
