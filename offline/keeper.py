"""What is to be done beside carrying out runs: start what is scheduled, settle what is lost, announce."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Final

from common import clock
from offline import leases, metrics, selectors
from offline.schedules.scheduler import Scheduler
from offline.worker import repeat_until

TURN_SECONDS: Final = 1.0


def announce_nothing() -> None:
    """Without a broker, workers look into the database themselves."""


class Keeper:
    """Any process may have one, several at once too: each step is a conditional change of the database."""

    def __init__(self, scheduler: Scheduler, announce: Callable[[], None] = announce_nothing) -> None:
        self._scheduler = scheduler
        self._announce = announce

    def keep_until(self, stopping: Event) -> None:
        """Turn once a second until `stopping` is set."""
        repeat_until(stopping, self.turn)

    def turn(self) -> float:
        """Do what is due; returns the seconds until the next turn."""
        leases.settle_lost()
        self._scheduler.tick(clock.now())
        metrics.show_under_way(selectors.counts_under_way())
        self._announce()
        return TURN_SECONDS
