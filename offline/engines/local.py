"""The processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver
from typing import Final

from offline.engines.base import Engine, Result, Task, Tick
from offline.errors import EngineFailedError

_TICK_SECONDS: Final = 0.3


class LocalEngine(Engine):
    """As many processes as are asked for; 0 means one per core, 1 this process itself."""

    def __init__(self, processes: int = 0, modules: Sequence[str] = ()) -> None:
        self._processes = processes or os.cpu_count() or 1
        # Not forked from here: threads may hold locks, and Django its connections.
        self._context = multiprocessing.get_context("forkserver")
        if self._processes > 1:
            self._context.set_forkserver_preload(list(modules))
            # It loads them while it is found out what is to be done.
            forkserver.ensure_running()

    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task], tick: Tick) -> Iterator[Result]:
        processes = min(self._processes, len(tasks))
        if processes > 1:
            yield from self._map_in_pool(processes, function, tasks, tick)
            return
        for task in tasks:
            tick()
            yield function(task)

    def close(self) -> None:
        """Its processes end with each `map`."""

    def _map_in_pool(
        self, processes: int, function: Callable[[Task], Result], tasks: Sequence[Task], tick: Tick
    ) -> Iterator[Result]:
        pool = ProcessPoolExecutor(processes, mp_context=self._context, initializer=_end_with_parent)
        try:
            waiting = {pool.submit(function, task) for task in tasks}
            while waiting:
                done, waiting = wait(waiting, _TICK_SECONDS, FIRST_COMPLETED)
                tick()
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            reason = "a process was ended from outside; perhaps the machine ran out of memory"
            raise EngineFailedError(reason) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Whoever kills the run's process kills its helpers."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
