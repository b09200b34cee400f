"""How many calls may be under way at once: a count, and a bounded queue of those that wait."""

from __future__ import annotations

import asyncio
from collections import deque


class ConcurrencyLimit:
    """At most `limit` holders; at most `max_waiting` more wait, first come first served."""

    __slots__ = ("_waiters", "held", "limit", "max_waiting")

    def __init__(self, limit: int, max_waiting: int) -> None:
        self.limit = limit
        self.max_waiting = max_waiting
        self.held = 0
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._waiters)

    def try_acquire(self) -> bool:
        """Take a place if one is free and nobody waits for it."""
        if self.held < self.limit and not self._waiters:
            self.held += 1
            return True
        return False

    async def acquire(self, timeout_seconds: float) -> bool:
        """Take a place, waiting up to `timeout_seconds`; False when none came free or too many wait."""
        if self.try_acquire():
            return True
        if len(self._waiters) >= self.max_waiting:
            return False
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        granted = False
        try:
            async with asyncio.timeout(timeout_seconds):
                await waiter
            granted = True
        except TimeoutError:
            return False
        finally:
            if not granted:
                self._leave_queue(waiter)
        return True

    def release(self) -> None:
        """Give the place back; the first that waits gets it."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self.held -= 1

    def _leave_queue(self, waiter: asyncio.Future[None]) -> None:
        """Stop waiting; a place that was given in the same moment goes on to the next."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        elif waiter.done() and not waiter.cancelled():
            self.release()
