"""The parts of a worker that stand for what all share: change feed, documents, machine, control plane."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final

from django.conf import settings

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


class ControlPlanePart:
    """Loads Django's addresses beside the first requests, so that callers of models wait for no console.

    At the first request that needs them it could meet files of another version.
    """

    name = "control plane"
    is_vital = False

    def __init__(self) -> None:
        self._loading: asyncio.Task[object] | None = None

    async def start(self) -> None:
        """Begin."""
        self._loading = asyncio.create_task(asyncio.to_thread(_load_addresses))

    async def stop(self) -> None:
        """Wait until it is loaded: a thread that imports cannot be stopped."""
        if self._loading is not None:
            await asyncio.wait([self._loading])

    def problem(self) -> str | None:
        """Why Django answers nothing."""
        if self._loading is None or not self._loading.done() or self._loading.exception() is None:
            return None
        return f"it cannot be loaded: {self._loading.exception()}"


def _load_addresses() -> None:
    import_module(settings.ROOT_URLCONF)
    # As what was imported before: it lives as long as the process, and no collection need look through it.
    gc.freeze()


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
