"""The threads of a process that carries out runs without a broker: workers and the keeper."""

from __future__ import annotations

import threading
from collections.abc import Callable
from threading import Event
from typing import Final

from offline.keeper import Keeper
from offline.schedules.scheduler import Scheduler
from offline.worker import start_workers
from stores.changes import ChangeWatcher
from stores.config import get_store

_TURN_SECONDS: Final = 1.0


def run_embedded(workers: int, stopping: Event, on_turn: Callable[[], None]) -> None:
    """Carry out runs and follow schedules until `stopping` is set; runs under way then are released."""
    watcher = ChangeWatcher()
    watcher.start()
    scheduler = Scheduler(get_store())
    keeper = threading.Thread(target=Keeper(scheduler).keep_until, args=(stopping,), name="keeper")
    threads = [*start_workers(workers, stopping), keeper]
    keeper.start()
    try:
        while not stopping.wait(_TURN_SECONDS):
            on_turn()
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
        scheduler.close()
        watcher.stop()
        on_turn()
