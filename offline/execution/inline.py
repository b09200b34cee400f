"""Carries out a light job in a thread of the worker."""

from __future__ import annotations

import logging
import os
import queue
import threading
from contextvars import copy_context
from typing import Final, NoReturn

from django.db import connections

from common import clock
from offline.errors import RunCancelledError
from offline.execution.ends import carry_out
from offline.execution.executor import Work
from offline.execution.journal import Journal
from offline.jobs import job_at
from offline.records import Ending

logger = logging.getLogger(__name__)

# EX_TEMPFAIL: whoever supervises this process starts it again.
EXIT_CODE: Final = 75


class InlineExecutor:
    """The job's thread, and what it is told. A thread cannot be killed: `kill` ends the whole worker."""

    def __init__(self, work: Work, journal: Journal, lease_end: float) -> None:
        self._work = work
        self._journal = journal
        self._ended: queue.Queue[Ending] = queue.Queue()
        self._reason = ""
        self._lease_end = lease_end
        # Log lines of the thread say which run they belong to.
        context = copy_context()
        threading.Thread(target=context.run, args=(self._carry_out,), name=work.label, daemon=True).start()

    def wait(self, seconds: float) -> Ending | None:
        """As the interface says."""
        try:
            return self._ended.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None

    def extend(self, lease_end: float) -> None:
        """As the interface says."""
        self._lease_end = lease_end

    def ask_to_end(self, reason: str) -> None:
        """As the interface says."""
        self._reason = reason

    def kill(self) -> NoReturn:
        """End the worker: its other runs are taken by others, or by its successor, when their leases end."""
        logger.error("%s does not end although it must: this worker ends with it", self._work.label)
        logging.shutdown()
        os._exit(EXIT_CODE)

    def close(self) -> None:
        """Nothing is held."""

    # -- what the job sees --------------------------------------------------------------------------

    def report(self, done: int, total: int, note: str = "") -> None:
        """As JobContext says."""
        if self._reason:
            raise RunCancelledError(self._reason)
        if clock.boot_seconds() >= self._lease_end:
            raise RunCancelledError("its lease is over")
        self._journal.set_progress(done, total, note)

    def log(self, line: str) -> None:
        """As JobContext says."""
        self._journal.add(line.splitlines())

    def _carry_out(self) -> None:
        try:
            self._ended.put(carry_out(job_at(self._work.path), self._work.given, self))
        finally:
            connections.close_all()
