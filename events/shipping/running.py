"""The shipper's loop: look, ship when due, keep trying, flush at the end."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Final

from common import clock
from events.shipping.pacing import Pacing
from events.shipping.retention import Retention
from events.shipping.shipper import Shipper

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 30.0
RETENTION_SECONDS: Final = 60.0
# What one turn may ship. A destination with small rounds gets several of them.
TURN_BYTES: Final = 64 << 20


@dataclass
class ShippingLoop:
    """Runs `shipper` until `stopping` is set, then ships what is left."""

    shipper: Shipper
    pacing: Pacing
    retention: Retention
    stopping: Event
    on_turn: Callable[[], None]
    # Called after each attempt to ship with what went wrong, empty when nothing did; OSError harms nobody.
    on_outcome: Callable[[str], None] = lambda problem: None
    longest_pause_seconds: float = LONGEST_PAUSE_SECONDS
    _pause: float = field(default=POLL_SECONDS, init=False)
    _swept_at: float = field(default=float("-inf"), init=False)

    def run(self) -> None:
        """Returns once `stopping` is set and everything there was is shipped, or cannot be."""
        while not self.stopping.wait(self._pause):
            self.turn()
        if self._attempt(self._ship_rest):
            logger.warning("shipper: stops with records waiting in the spool; the next start ships them")
        self.on_turn()

    def turn(self) -> None:
        """Ship if it is due, delete what is outdated."""
        problem = self._attempt(self._ship_when_due)
        self._pause = min(self._pause * 2, self.longest_pause_seconds) if problem else POLL_SECONDS
        with contextlib.suppress(OSError):
            self.on_outcome(problem)
        if clock.monotonic() - self._swept_at >= RETENTION_SECONDS:
            self._swept_at = clock.monotonic()
            self._attempt(self._sweep)
        self.on_turn()

    def _ship_when_due(self) -> None:
        waiting = self.shipper.waiting_bytes()
        if not self.pacing.is_due(waiting, clock.monotonic(), clock.unix_seconds()):
            return
        # Never until nothing is left: on a busy system there always is a little more, and each round closes
        # a file. A backlog is due again at the next turn.
        for _ in range(max(TURN_BYTES // self.shipper.round_bytes, 1)):
            if not self.shipper.ship():
                return
            self.pacing.note_shipped()
            if self.stopping.is_set() or self.shipper.waiting_bytes() < self.shipper.round_bytes:
                return

    def _ship_rest(self) -> None:
        # What came after this count is left to the next start: writers that are still at work never end.
        rounds = self.shipper.waiting_bytes() // self.shipper.round_bytes + 2
        while rounds and self.shipper.ship():
            rounds -= 1

    def _sweep(self) -> None:
        for path in self.retention.apply(clock.unix_seconds()):
            logger.info("retention: deleted %s", path)

    def _attempt(self, work: Callable[[], object]) -> str:
        """Empty when `work` was done; else why not. Nothing is lost then, and it is tried again."""
        try:
            work()
        except (OSError, sqlite3.Error) as error:
            logger.error("shipper: %s; what waits stays in the spool and is tried again", error)
            return str(error)
        return ""
