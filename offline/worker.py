"""Takes runs from the database and carries them out: no broker is needed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from threading import Event
from typing import Final

from django.db import connection

from offline import leases
from offline.execution.attempt import DATABASE_AWAY, Attempt

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 5.0


def work_until(stopping: Event, poll_seconds: float = POLL_SECONDS) -> None:
    """Carry out one run after the other until `stopping` is set; what is under way then is released."""
    repeat_until(stopping, lambda: poll_seconds if work_once(stopping) is None else 0.0)


def work_once(stopping: Event) -> str | None:
    """Carry out the run that has waited longest; None when there is none, else its state afterwards."""
    claim = leases.claim_next()
    return Attempt(claim, stopping).carry_out() if claim is not None else None


def repeat_until(stopping: Event, step: Callable[[], float]) -> None:
    """Call `step` until `stopping` is set; it returns how long to wait. A fault is logged, and it goes on."""
    pause = 0.0
    failures = 0
    try:
        while not stopping.wait(pause):
            try:
                pause, failures = step(), 0
            except DATABASE_AWAY as error:
                connection.close()
                failures += 1
                logger.warning("the database is away: %s", str(error).partition("\n")[0])
            except Exception:
                # The door of the thread: it must outlive a fault, or nothing runs any more.
                connection.close()
                failures += 1
                logger.exception("unexpected; going on")
            if failures:
                pause = min(POLL_SECONDS * 2 ** min(failures, 10), _LONGEST_PAUSE_SECONDS)
    finally:
        connection.close()


def start_workers(count: int, stopping: Event) -> list[threading.Thread]:
    """`count` threads that carry out runs, each one at a time."""
    threads = [
        threading.Thread(target=work_until, args=(stopping,), name=f"runs-{number + 1}")
        for number in range(count)
    ]
    for thread in threads:
        thread.start()
    return threads
