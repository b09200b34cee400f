"""The threads of a process that takes part in background runs: the keeper, and workers without a broker."""

from __future__ import annotations

import threading
from collections.abc import Callable
from threading import Event
from typing import Final

from offline.keeper import Keeper, announce_nothing
from offline.schedules.scheduler import Scheduler
from offline.worker import start_workers
from stores.changes import ChangeWatcher
from stores.config import get_store

_TURN_SECONDS: Final = 1.0


class Keeping:
    """The keeper's thread and what it stands on, from `start` to `stop`."""

    def __init__(self, announce: Callable[[], None] = announce_nothing) -> None:
        self._announce = announce
        self._stopping = Event()
        self._watcher = ChangeWatcher()
        self._end: list[Callable[[], None]] = []

    def start(self) -> None:
        """Begin; ConfigUnavailableError when the configuration cannot be read."""
        scheduler = Scheduler(get_store())
        self._watcher.start()
        keeper = Keeper(scheduler, self._announce)
        thread = threading.Thread(target=keeper.keep_until, args=(self._stopping,), name="keeper")
        thread.start()
        self._end = [thread.join, scheduler.close, self._watcher.stop]

    def stop(self) -> None:
        """End the thread; returns when it has."""
        self._stopping.set()
        for step in self._end:
            step()


def run_embedded(workers: int, stopping: Event, on_turn: Callable[[], None]) -> None:
    """Carry out runs and follow schedules until `stopping` is set; runs under way then are released."""
    keeping = Keeping()
    keeping.start()
    threads = start_workers(workers, stopping)
    try:
        while not stopping.wait(_TURN_SECONDS):
            on_turn()
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
        keeping.stop()
        on_turn()
