"""Refusals for being over a quota are held back for a moment, so that a flood slows itself down.

Whoever sends the next request when the last is answered could otherwise have a worker write thousands
of refusals a second, and every other client would wait behind them. A held refusal costs a timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

# Callers are told to wait longer than this anyway (Retry-After counts whole seconds).
HOLD_SECONDS: Final = 0.1
# Beyond this many at once a worker answers directly: each held one keeps its request in memory.
MOST_HELD: Final = 2_000


class Holding:
    """Holds refusals for `seconds`, at most `most` at a time."""

    def __init__(
        self,
        seconds: float = HOLD_SECONDS,
        most: int = MOST_HELD,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._seconds = seconds
        self._most = most
        self._sleep = sleep
        self._held = 0

    async def hold(self) -> None:
        """Return after the time, or at once when too many are held."""
        if self._held >= self._most:
            return
        self._held += 1
        try:
            await self._sleep(self._seconds)
        finally:
            self._held -= 1
