"""The threads in which the model is called, so that a slow call delays other calls but no health check.

One thread per worker is the default: calls are serialised, and a class need not be thread-safe.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from time import monotonic
from typing import Generic, TypeVar

from microservice.errors import BusyError, CallTimeoutError

T = TypeVar("T")
Job = Callable[[], T]
Waiting = tuple[Job[T], "asyncio.Future[T]"]


class ModelThreads(Generic[T]):
    """A few threads with one queue, for jobs that never raise.

    Smaller than ThreadPoolExecutor and, because results that come together wake the event loop once,
    cheaper. The threads are daemons: a call that never returns does not keep the process alive.
    """

    def __init__(
        self,
        count: int,
        max_waiting: int,
        timeout_seconds: float = 0.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Start the threads; a job that outlasts the timeout, 0 for none, fails with CallTimeoutError."""
        self._jobs: SimpleQueue[Waiting[T] | None] = SimpleQueue()
        self._count = count
        self._done: deque[tuple[asyncio.Future[T], T]] = deque()
        self._is_waking = False
        self._max_waiting = max_waiting
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        # Each with when its thread took it.
        self._under_way: dict[asyncio.Future[T], float] = {}
        self._loop = asyncio.get_running_loop()
        # Told when a job under way outlasts the timeout: its thread may never come back.
        self.on_stuck: Callable[[], None] = do_nothing
        for number in range(count):
            threading.Thread(target=self._work, name=f"model-{number}", daemon=True).start()

    def run(self, job: Job[T]) -> asyncio.Future[T]:
        """Return the future result of a job; raises BusyError when too many wait already."""
        if self._jobs.qsize() >= self._max_waiting:
            raise BusyError(self._max_waiting)
        future: asyncio.Future[T] = self._loop.create_future()
        if self._timeout_seconds:
            timer = self._loop.call_later(self._timeout_seconds, self._give_up, future)
            future.add_done_callback(lambda _: timer.cancel())
        self._jobs.put((job, future))
        return future

    def stuck_seconds(self) -> float:
        """Return for how long no thread has been free or come to the end of a job; 0 when one is free."""
        begun = list(self._under_way.values())
        return self._clock() - max(begun) if len(begun) >= self._count else 0.0

    def end(self) -> None:
        """Let the threads end once what waits is done."""
        for _ in range(self._count):
            self._jobs.put(None)

    def _give_up(self, future: asyncio.Future[T]) -> None:
        # The result may have come in the same turn of the loop as the end of its time.
        if future.done():
            return
        future.set_exception(CallTimeoutError(self._timeout_seconds))
        self._judge(future)

    def _judge(self, future: asyncio.Future[T]) -> None:
        """Tell of a job that has had its time from its thread; what waited for one had less, and gets it."""
        begun = self._under_way.get(future)
        if begun is None:
            return
        left = begun + self._timeout_seconds - self._clock()
        if left > 0:
            self._loop.call_later(left, self._judge, future)
        else:
            self.on_stuck()

    def _work(self) -> None:
        while True:
            waiting = self._jobs.get()
            if waiting is None:
                return
            job, future = waiting
            # Before asking whether the caller is still there: one that is given up in between is judged.
            self._under_way[future] = self._clock()
            # A caller that was cancelled, or given up, while it waited gets no model call.
            if future.done():
                del self._under_way[future]
                continue
            self._done.append((future, job()))
            del self._under_way[future]
            if not self._is_waking:
                self._is_waking = True
                try:
                    self._loop.call_soon_threadsafe(self._hand_over)
                except RuntimeError:
                    return  # the loop has ended meanwhile, and with it whoever waited

    def _hand_over(self) -> None:
        # Reset before emptying: what is appended from here on either is seen below or wakes the loop again.
        self._is_waking = False
        while self._done:
            future, result = self._done.popleft()
            if not future.done():
                future.set_result(result)


def do_nothing() -> None:
    """Do nothing about a job that is stuck."""
