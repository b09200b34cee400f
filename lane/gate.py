"""How many requests the control plane answers at once, and in which threads.

Left alone, Django begins a thread for each request, and in it a connection to the database that is
gone only once the garbage collector comes by: a few hundred requests at once took every connection that
PostgreSQL has, for good. Here each request takes one of a few places, and each place has one thread,
whose connection the next request finds.
"""

from __future__ import annotations

import asyncio
from typing import Final

from asgiref.sync import SyncToAsync, ThreadSensitiveContext

from common.errors import UnavailableError

MOST_AT_ONCE: Final = 8
MOST_WAITING: Final = 512


class Gate:
    """Lets `most` requests be answered at once; `most_waiting` more wait, further ones are refused."""

    def __init__(self, most: int = MOST_AT_ONCE, most_waiting: int = MOST_WAITING) -> None:
        self._turns = asyncio.Semaphore(most)
        # Made here and never left, so their threads stay.
        self._free = [ThreadSensitiveContext() for _ in range(most)]
        self._most_waiting = most_waiting
        self._waiting = 0

    async def enter(self) -> ThreadSensitiveContext:
        """A place as soon as one is free; UnavailableError when too many wait already.

        What the calling task runs in threads from here on runs in that place's.
        """
        if self._waiting >= self._most_waiting:
            raise UnavailableError("too many requests wait for the control plane; try again in a moment")
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        place = self._free.pop()
        SyncToAsync.thread_sensitive_context.set(place)
        return place

    def leave(self, place: ThreadSensitiveContext) -> None:
        """Give the place back."""
        self._free.append(place)
        self._turns.release()


class Turn:
    """One request's place, from when its body is whole (slow callers hold none) until it is answered."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._place: ThreadSensitiveContext | None = None

    async def begin(self) -> None:
        """Take a place."""
        self._place = await self._gate.enter()

    def end(self) -> None:
        """Give it back, if it was not given back yet."""
        place, self._place = self._place, None
        if place is not None:
            self._gate.leave(place)
