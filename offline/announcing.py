"""Tells a broker which runs wait. The row is the truth: what the broker forgets, it is told again."""

from __future__ import annotations

import logging
from typing import Final, Protocol

from django.db.models.functions import Now

from offline import leases
from offline.errors import BrokerAwayError
from offline.models import JobRunQuerySet, all_runs

logger = logging.getLogger(__name__)

# A run that was announced this long ago, while no message waits, has lost its message.
AGAIN_SECONDS: Final = 5.0
_AT_ONCE: Final = 200


class Broker(Protocol):
    """Carries the numbers of runs to workers."""

    def send(self, run: int) -> None:
        """Carry one; BrokerAwayError when that is not possible."""

    def waiting(self) -> int:
        """How many numbers no worker has taken yet; BrokerAwayError."""


class Announcer:
    """Called about once a second, by any number of processes; each run is announced by one of them."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._is_away = False

    def __call__(self) -> None:
        """Announce what is not announced yet, and what was lost on the way."""
        try:
            self._announce(_claimable().filter(announced_at=None))
            forgotten = _claimable().filter(announced_at__lt=leases.from_now(-AGAIN_SECONDS))
            # While messages wait, the workers are busy, and more messages would not help.
            if forgotten.exists() and self._broker.waiting() == 0:
                self._announce(forgotten)
        except BrokerAwayError as error:
            self._note(error.message)
            return
        self._note("")

    def _announce(self, rows: JobRunQuerySet) -> None:
        for run, announced_at in list(rows.order_by("id").values_list("id", "announced_at")[:_AT_ONCE]):
            # Whoever marks it sends it.
            unchanged = all_runs().filter(pk=run, announced_at=announced_at)
            if unchanged.update(announced_at=Now()):
                self._send(run)

    def _send(self, run: int) -> None:
        try:
            self._broker.send(run)
        except BrokerAwayError:
            all_runs().filter(pk=run).update(announced_at=None)
            raise

    def _note(self, problem: str) -> None:
        if problem and not self._is_away:
            logger.warning("%s Runs wait in the database.", problem)
        if not problem and self._is_away:
            logger.info("the broker of runs is back")
        self._is_away = bool(problem)


def _claimable() -> JobRunQuerySet:
    return all_runs().claimable()
