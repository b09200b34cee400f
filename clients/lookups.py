"""Look-ups off the event loop: what is asked for while one runs is asked together in the next.

So a worker that starts cold under the load of ten thousand clients asks the database a few dozen times,
not ten thousand; and whoever asks for what another waits for already shares that answer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from clients.errors import LookupUnavailableError
from clients.records import Caller
from clients.source import Answers
from common.errors import NotAuthenticatedError

_MOST_WAITING: Final = 5_000
_BATCH: Final = 500
# A database that hangs answers nothing, not even an error.
_LONGEST_WAIT_SECONDS: Final = 5.0


class Lookups:
    """One thread that calls `find` with all that is waited for, at most 500 texts at a time."""

    def __init__(
        self, find: Callable[[Sequence[str]], Answers], longest_wait_seconds: float = _LONGEST_WAIT_SECONDS
    ) -> None:
        self._find = find
        self._longest_wait_seconds = longest_wait_seconds
        self._pending: dict[str, asyncio.Future[Caller]] = {}
        self._waiting: list[str] = []
        self._is_running = False
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="credentials")

    def is_pending(self, text: str) -> bool:
        """Whether somebody waits for `text` already."""
        return text in self._pending

    async def ask(self, text: str) -> Caller:
        """What `find` answers for `text`; LookupUnavailableError when too many wait, or too long."""
        pending = self._pending.get(text)
        if pending is None:
            if len(self._pending) >= _MOST_WAITING:
                raise LookupUnavailableError
            pending = self._begin(text)
        try:
            async with asyncio.timeout(self._longest_wait_seconds):
                # Shielded: others may wait for the same answer when this caller goes away.
                return await asyncio.shield(pending)
        except TimeoutError as error:
            raise LookupUnavailableError from error

    def close(self, last: Callable[[], None]) -> None:
        """Ends the thread, whose last act is to call `last`."""
        self._thread.submit(last)
        self._thread.shutdown(wait=True)

    def _begin(self, text: str) -> asyncio.Future[Caller]:
        loop = asyncio.get_running_loop()
        pending = self._pending[text] = loop.create_future()
        with self._lock:
            self._waiting.append(text)
            is_first, self._is_running = not self._is_running, True
        if is_first:
            running = loop.run_in_executor(self._thread, self._run, loop)
            running.add_done_callback(self._finish)
        return pending

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while texts := self._take():
            loop.call_soon_threadsafe(self._settle, self._find(texts))

    def _take(self) -> list[str]:
        with self._lock:
            taken, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            self._is_running = bool(taken)
        return taken

    def _settle(self, answers: Answers) -> None:
        for text, answer in answers.items():
            pending = self._pending.pop(text)
            if isinstance(answer, NotAuthenticatedError):
                _fail(pending, answer)
            elif not pending.done():
                pending.set_result(answer)

    def _finish(self, running: asyncio.Future[None]) -> None:
        """After a look-up that failed as a whole: nobody may wait for an answer that never comes."""
        error = running.exception()
        if error is None:
            return
        with self._lock:
            self._waiting, self._is_running = [], False
        failed, self._pending = self._pending, {}
        for pending in failed.values():
            _fail(pending, error)


def _fail(pending: asyncio.Future[Caller], error: BaseException) -> None:
    if not pending.done():
        pending.set_exception(error)
        # Taken note of, even if nobody waits for it any more.
        pending.exception()
