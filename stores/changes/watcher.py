"""The one thread of a process that reads what other processes changed."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, connection

from common import clock
from stores.changes.feed import change_rows
from stores.changes.hub import Hub
from stores.changes.hub import hub as process_hub

logger = logging.getLogger(__name__)

_current: ChangeWatcher | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the feed is read, and how far back, in seconds."""

    poll_seconds: float = 0.5
    # PostgreSQL shows rows in the order of commit, not of `at`: a slow transaction's row appears late.
    overlap_seconds: float = 10
    refresh_seconds: float = 60


class ChangeWatcher:
    """Polls the change feed and hands what is new to the subscribers of this process.

    Started once per process by the composition root. When the database is gone it keeps trying, says so in
    `healthy` and `last_error`, and has everything looked at again once the database is back.
    """

    def __init__(
        self, pace: Pace | None = None, *, hub: Hub = process_hub, now: Callable[[], datetime] = clock.now
    ) -> None:
        self.healthy = True
        self.last_error = ""
        self.last_poll_at: datetime | None = None
        self._pace = pace or Pace()
        self._hub = hub
        self._now = now
        self._seen: set[int] = set()
        self._refresh_due_at: datetime | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread and makes this the watcher that `current_watcher` names."""
        global _current  # noqa: PLW0603 - one per process is the point
        _current = self
        self._thread = threading.Thread(target=self._run, name="change-watcher", daemon=True)
        self._thread.start()

    def stop(self, timeout_seconds: float = 10) -> None:
        """Ends the thread and waits until it has closed its database connection."""
        global _current  # noqa: PLW0603 - see start
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_seconds)
        if _current is self:
            _current = None

    def poll(self) -> None:
        """Reads the feed once; a database that is gone is remembered in `healthy`, not raised."""
        try:
            problem = self._read_feed()
        except (DatabaseError, InterfaceError) as error:
            # Ours is broken or the server is: a fresh one at the next poll finds out.
            connection.close()
            self._refresh_due_at = None
            problem = f"{type(error).__name__}: {error}".strip()
        self._note(problem)

    def _run(self) -> None:
        try:
            while True:
                self._poll_guarded()
                if self._stopping.wait(self._pace.poll_seconds):
                    return
        finally:
            connection.close()

    def _poll_guarded(self) -> None:
        try:
            self.poll()
        except Exception as error:
            # The door of the thread: it must outlive a fault, else this process hears of no change again.
            logger.exception("the change feed could not be read")
            self._note(f"{type(error).__name__}: {error}")

    def _note(self, problem: str) -> None:
        if problem and self.healthy:
            logger.warning("the change feed is not read: %s; going on with what is known", problem)
        if not problem and not self.healthy:
            logger.info("the change feed is read again")
        self.healthy = not problem
        self.last_error = problem

    def _read_feed(self) -> str:
        started_at = self._now()
        is_refresh = self._is_refresh_due(started_at)
        # Rows are taken note of before a refresh, so that what is written during it is found afterwards.
        fresh = self._fresh_keys(started_at)
        problem = self._refresh(started_at) if is_refresh else self._deliver(fresh)
        self.last_poll_at = started_at
        return problem

    def _is_refresh_due(self, started_at: datetime) -> bool:
        if self._refresh_due_at is None:
            return True
        # Further ahead than one period means that the clock was set back.
        wait_seconds = (self._refresh_due_at - started_at).total_seconds()
        return not 0 < wait_seconds <= self._pace.refresh_seconds

    def _fresh_keys(self, started_at: datetime) -> dict[str, set[str]]:
        """Keys by topic of the rows that were not seen before."""
        since = (self.last_poll_at or started_at) - timedelta(seconds=self._pace.overlap_seconds)
        rows = list(change_rows().filter(at__gte=since).values_list("id", "topic", "key"))
        fresh: defaultdict[str, set[str]] = defaultdict(set)
        for row_id, topic, key in rows:
            if row_id not in self._seen:
                fresh[topic].add(key)
        self._seen = {row[0] for row in rows}
        return fresh

    def _deliver(self, fresh: dict[str, set[str]]) -> str:
        problem = self._hub.settle()
        for topic, keys in fresh.items():
            problem = self._hub.deliver(topic, keys) or problem
        return problem

    def _refresh(self, started_at: datetime) -> str:
        self._refresh_due_at = started_at + timedelta(seconds=self._pace.refresh_seconds)
        return self._hub.refresh()


def current_watcher() -> ChangeWatcher | None:
    """The watcher that runs in this process, if one was started."""
    return _current
