"""What a destination does while it waits for somebody else: tell how things are, and mind the end."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Final

from common import clock

_TELL_SECONDS: Final = 1.0


class Breathing:
    """Call it often in every wait: `tell` is called once a second.

    Once `stopping` has been set for `stop_seconds` it raises InterruptedError: the wait must end.
    """

    def __init__(self, stopping: Event, stop_seconds: float, tell: Callable[[], None]) -> None:
        self._stopping = stopping
        self._stop_seconds = stop_seconds
        self._tell = tell
        self._stops_at = float("inf")
        self._told_at = clock.monotonic()

    def __call__(self) -> None:
        now = clock.monotonic()
        if self._stopping.is_set():
            self._stops_at = min(self._stops_at, now + self._stop_seconds)
        if now >= self._stops_at:
            raise InterruptedError("the shipper stops and can wait for the destination no longer")
        if now - self._told_at >= _TELL_SECONDS:
            self._told_at = now
            self._tell()
