"""One attempt of a run: its lease is kept, its news are written, and it ends when it must."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event
from typing import Final

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from common import clock
from common.logs import current_request
from offline import leases
from offline.execution.ends import PROCESS_DIED
from offline.execution.executor import Executor, Work
from offline.execution.inline import InlineExecutor
from offline.execution.journal import Journal
from offline.execution.subprocesses import SubprocessExecutor
from offline.jobs import JOBS, load_job
from offline.records import Claim, Ending, RunFacts
from offline.sealing import still_sealed

logger = logging.getLogger(__name__)

DATABASE_AWAY: Final = (DatabaseError, InterfaceError)
# A job that was asked to end has this long to do so.
GRACE_SECONDS: Final = 5.0
# How long the end of a run is kept while the database is away.
_WRITE_SECONDS: Final = 120.0
_BEATS_PER_LEASE: Final = 10

_CANCELLED: Final = Ending("cancelled")
_RELEASED: Final = Ending("released")
_LOST: Final = Ending("lost")


class Attempt:
    """Made by a worker for a claim; `carry_out` returns when the run has ended or is another's."""

    def __init__(self, claim: Claim, stopping: Event, grace_seconds: float = GRACE_SECONDS) -> None:
        self._claim = claim
        self._job = load_job(claim.job)
        self._stopping = stopping
        self._grace_seconds = grace_seconds
        self._label = f"run-{claim.run}/{claim.attempt}"
        runs = logging.getLogger(f"offline.runs.{claim.job}")
        self._journal = Journal(runs, claim.log, claim.log_end)
        self._began = clock.monotonic()
        self._lease_end = claim.lease_end
        # Why it must end, and until when it may take its time.
        self._verdict: Ending | None = None
        self._kill_due = float("inf")

    def carry_out(self) -> str:
        """Run the job and write how it ended; returns the run's state, `lost` when it is another's."""
        token = current_request.set(RunFacts(self._label, self._claim.given.client or "-"))
        try:
            logger.info("%s of %s begins", self._claim.job, self._claim.given.client or "all clients")
            if self._claim.attempt > 1:
                self._journal.add([f"--- attempt {self._claim.attempt} ---"])
            ending = self._follow()
            state = self._write_end(ending)
            logger.info("%s: %s%s", self._claim.job, state, f" ({ending.error})" if ending.error else "")
            return state
        finally:
            current_request.reset(token)

    def _follow(self) -> Ending:
        if sealed := ", ".join(still_sealed(self._claim.given.parameters)):
            reason = (
                f"{sealed}: sealed under another SECRET_KEY. Start the run anew with the value, "
                "or add the former key to SECRET_KEY_FALLBACKS."
            )
            return Ending("failed", error=reason, code="parameters_sealed", may_help=False)
        try:
            executor = self._begin()
        except OSError as error:
            return Ending(
                "failed", error=f"Its process could not be started: {error.strerror}", code="not_started"
            )
        try:
            while (ending := executor.wait(self._beat_seconds)) is None:
                self._beat(executor)
                self._judge(executor)
        finally:
            executor.close()
        return self._final(ending)

    def _begin(self) -> Executor:
        make = SubprocessExecutor if self._job.is_heavy else InlineExecutor
        work = Work(
            path=JOBS[self._claim.job],
            given=self._claim.given,
            label=self._label,
            memory_bytes=self._job.memory_bytes,
            uses_database=self._job.uses_database,
        )
        return make(work, self._journal, self._lease_end)

    @property
    def _beat_seconds(self) -> float:
        return float(settings.RUN_LEASE_SECONDS) / _BEATS_PER_LEASE

    def _beat(self, executor: Executor) -> None:
        """Tell the database that we live and what is new; hear whether the run is still wanted."""
        asked_at = clock.boot_seconds()
        news = self._journal.take()
        try:
            heard = leases.tell(self._claim, news)
        except DATABASE_AWAY as error:
            connection.close()
            self._journal.give_back(news)
            logger.warning("the database does not take news of this run: %s", str(error).partition("\n")[0])
            return
        if not heard.is_ours:
            self._must_end(executor, _LOST, "another worker has it now", grace_seconds=0)
            return
        self._lease_end = leases.lease_end(asked_at)
        executor.extend(self._lease_end)
        if heard.is_cancelled:
            self._must_end(executor, _CANCELLED, "it was cancelled")

    def _judge(self, executor: Executor) -> None:
        limit = self._job.timeout_seconds
        if clock.boot_seconds() >= self._lease_end:
            self._must_end(executor, _LOST, "its lease is over", grace_seconds=0)
        elif clock.monotonic() - self._began > limit:
            words = f"It took longer than {limit:g} seconds."
            verdict = Ending("failed", error=words, code="run_timeout")
            self._must_end(executor, verdict, f"it took longer than {limit:g} seconds")
        elif self._stopping.is_set():
            self._must_end(executor, _RELEASED, "its worker is stopping")
        if clock.monotonic() >= self._kill_due:
            executor.kill()

    def _must_end(
        self, executor: Executor, verdict: Ending, reason: str, grace_seconds: float | None = None
    ) -> None:
        """The first verdict stands, except that a run which is lost is nothing else any more."""
        if self._verdict is not None and verdict is not _LOST:
            return
        if self._verdict is None:
            self._journal.add([f"--- asked to end: {reason} ---"])
            executor.ask_to_end(reason)
        self._verdict = verdict
        grace = self._grace_seconds if grace_seconds is None else grace_seconds
        self._kill_due = min(self._kill_due, clock.monotonic() + grace)

    def _final(self, ending: Ending) -> Ending:
        """What was finished in spite of a verdict counts as finished."""
        # It killed itself, at the same moment at which we would have.
        if ending.code == PROCESS_DIED and clock.boot_seconds() >= self._lease_end:
            return _LOST
        return ending if self._verdict is None or ending.how == "succeeded" else self._verdict

    def _write_end(self, ending: Ending) -> str:
        """Until the database takes it: it takes it only if the run is still this worker's."""
        if ending.how == "lost":
            return "lost"
        news = {**self._journal.take(), "seconds": round(clock.monotonic() - self._began, 3)}
        give_up = clock.monotonic() + _WRITE_SECONDS
        return _persistently(
            lambda: leases.end(self._claim, self._job, ending, news), self._stopping, give_up
        )


def _persistently(write: Callable[[], str], stopping: Event, give_up: float) -> str:
    while True:
        try:
            return write()
        except DATABASE_AWAY as error:
            connection.close()
            if stopping.is_set() or clock.monotonic() >= give_up:
                logger.error("the end of this run could not be written, it will run again: %s", error)
                return "lost"
            stopping.wait(0.5)
