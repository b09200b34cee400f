"""Refusals for being over a quota are held back for a moment, so that a flood slows itself down.

Whoever sends the next request when the last is answered could otherwise have a worker write thousands
of refusals a second, and every other client would wait behind them. A held refusal costs a timer, and
the connection it is held on carries no further request meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from common import clock

# Callers are told to wait longer than this anyway (Retry-After counts whole seconds).
HOLD_SECONDS: Final = 0.1
# A worker refuses one client at most this often; further refusals queue up behind each other.
SPACING_SECONDS: Final = 0.005
# No refusal is held longer, however many connections a client has: callers give up on what is later.
LONGEST_SECONDS: Final = 10.0
# Beyond this many at once a worker answers directly: each held one keeps its request in memory.
MOST_HELD: Final = 2_000


@dataclass(slots=True)
class _Queue:
    """The refusals of one client that are held: how many, and when the next may go out."""

    held: int = 0
    free_at: float = 0.0


class Holding:
    """Holds each refusal for HOLD_SECONDS, those of one client SPACING_SECONDS apart, `most` at a time."""

    def __init__(
        self,
        most: int = MOST_HELD,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._most = most
        self._sleep = sleep
        self._monotonic = monotonic
        self._held = 0
        self._queues: dict[str, _Queue] = {}

    async def hold(self, client: str) -> None:
        """Return when a refusal of `client` may go out; at once when too many are held."""
        if self._held >= self._most:
            return
        queue = self._queues.get(client)
        if queue is None:
            queue = self._queues[client] = _Queue()
        self._held += 1
        queue.held += 1
        try:
            await self._sleep(self._enqueue(queue))
        finally:
            self._held -= 1
            queue.held -= 1
            if not queue.held:
                del self._queues[client]

    def _enqueue(self, queue: _Queue) -> float:
        """Seconds until the next free place in `queue`, which is taken."""
        now = self._monotonic()
        goes_at = min(max(queue.free_at, now + HOLD_SECONDS), now + LONGEST_SECONDS)
        queue.free_at = goes_at + SPACING_SECONDS
        return goes_at - now
