"""Runs carried by Celery: a message names a run, and whoever takes it claims the lease in the database.

So a message that is delivered twice, late or never does no harm: a run that is not to be had is left alone,
and the announcer tells again of one that nobody has taken.
"""

from __future__ import annotations

from threading import Event
from typing import Any, Final

from celery import Celery, shared_task
from kombu.exceptions import KombuError, OperationalError

from offline import leases
from offline.errors import BrokerAwayError
from offline.execution.attempt import Attempt

TASK: Final = "offline.carry_out"
QUEUE: Final = "seldon-runs"
# Set when this worker is told to stop: its runs are released.
STOPPING: Final = Event()


@shared_task(name=TASK)  # type: ignore[untyped-decorator]
def carry_out(run: int) -> None:
    """Carry out the run, if it is to be had."""
    claim = leases.claim_run(run)
    if claim is not None:
        Attempt(claim, STOPPING).carry_out()


class CeleryBroker:
    """What the announcer needs of the broker."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def send(self, run: int) -> None:
        """One message that names `run`; BrokerAwayError when it does not get there."""
        try:
            self._app.send_task(TASK, (run,), queue=QUEUE, retry=False, ignore_result=True)
        except (KombuError, OperationalError, OSError) as error:
            raise BrokerAwayError(str(error)) from error

    def waiting(self) -> int:
        """Messages that no worker has taken; BrokerAwayError when it cannot be asked."""
        try:
            with self._app.connection_for_write() as connection:
                return _length(connection.default_channel)
        except (KombuError, OperationalError, OSError) as error:
            raise BrokerAwayError(str(error)) from error


def _length(channel: Any) -> int:
    # A list that is empty does not exist in Redis.
    return int(channel.client.llen(QUEUE))
