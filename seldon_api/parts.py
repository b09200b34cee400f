"""The parts of a worker that stand for what all share: the change feed, the documents, the machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from common import clock
from deploy.status import read_status
from stores.changes import ChangeWatcher, current_bell, deliver
from stores.config import get_store

_LOOK_SECONDS: Final = 1.0


class ChangesPart:
    """Hears what other processes changed.

    While the database is away everything known goes on, so it is told as a degradation, not as a reason
    to take the worker out of service.
    """

    name = "database"
    is_vital = False

    def __init__(self) -> None:
        self._watcher = ChangeWatcher()
        self._stop_listening = _nothing

    async def start(self) -> None:
        """Begin to listen; the first look reads everything."""
        self._watcher.start()
        self._stop_listening = current_bell().listen(deliver)

    async def stop(self) -> None:
        """Stop listening."""
        await asyncio.to_thread(self._stop_listening)
        await asyncio.to_thread(self._watcher.stop)

    def problem(self) -> str | None:
        """Why changes do not arrive just now."""
        return None if self._watcher.healthy else self._watcher.last_error


def _nothing() -> None:
    """Not listening yet."""


class DocumentsPart:
    """Reads the configuration documents before the first request."""

    name = "configuration"
    is_vital = False

    async def start(self) -> None:
        """Load every document; ConfigUnavailableError when the store is away at start."""
        await asyncio.to_thread(get_store)

    async def stop(self) -> None:
        """The store ends with the process."""

    def problem(self) -> str | None:
        """Why documents may be out of date, and which ones are refused."""
        return get_store().problem


class ShippingPart:
    """Tells when records wait too long; this worker takes new ones all the same."""

    name = "shipping"
    is_vital = False

    def __init__(
        self, look: Callable[[], str | None], monotonic: Callable[[], float] = clock.monotonic
    ) -> None:
        self._look = look
        self._monotonic = monotonic
        self._looked_at = float("-inf")
        self._problem: str | None = None

    async def start(self) -> None:
        """The shipper is a process of its own."""

    async def stop(self) -> None:
        """The shipper ends after us."""

    def problem(self) -> str | None:
        """Since when and why records wait; looked up once a second at most, as anybody may ask."""
        if self._monotonic() - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = self._monotonic()
            self._problem = self._look()
        return self._problem


class MachinePart:
    """Tells which parts of this machine keep dying; this worker goes on without them."""

    name = "machine"
    is_vital = False

    def __init__(self, run_folder: Path) -> None:
        self._run_folder = run_folder

    async def start(self) -> None:
        """The supervisor started before us."""

    async def stop(self) -> None:
        """The supervisor ends after us."""

    def problem(self) -> str | None:
        """The parts that keep dying."""
        status = read_status(self._run_folder)
        return "; ".join(status.problems) or None if status else None
