"""Starts what a schedule missed: exactly once, however many processes and machines look at it."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import IntegrityError, transaction

from clients.models import Client
from common import clock
from common.errors import SeldonError
from offline import metrics
from offline.errors import RunUnderWayError
from offline.models import ScheduleCursor
from offline.records import date_of
from offline.schedules.records import Schedule
from offline.services import queue_run

logger = logging.getLogger(__name__)

Key = tuple[str | None, str]


def read_cursors() -> dict[Key, ScheduleCursor]:
    """How far each schedule has come, by client's name and its own."""
    rows = ScheduleCursor.objects.for_all_clients().select_related("client")
    return {(row.client.name if row.client else None, row.name): row for row in rows}


def make_cursor(schedule: Schedule, client: Client | None, since: datetime) -> None:
    """A schedule that is seen for the first time begins at `since`; another process may have said so."""
    try:
        with transaction.atomic():
            ScheduleCursor.objects.create(client=client, name=schedule.name, due_until=since)
    except IntegrityError:
        return


def start_missed(schedule: Schedule, cursor: ScheduleCursor, now: datetime) -> bool:
    """Queue a run for each day that was due since the cursor; False when another process did so first.

    Whoever moves the cursor on starts the runs, in one transaction: both happen or neither.
    """
    missed = schedule.missed(cursor.due_until, now)
    if not missed:
        return True
    rows = ScheduleCursor.objects.for_all_clients().filter(pk=cursor.pk, due_until=cursor.due_until)
    with transaction.atomic():
        # To a moment of the schedule, not to `now`: it never goes back, also where clocks differ.
        if not rows.update(due_until=max(missed.values()), updated_at=clock.now()):
            return False
        if schedule.is_enabled:
            outcome = "; ".join(_start(schedule, cursor.client, day) for day in sorted(missed))
            ScheduleCursor.objects.for_all_clients().filter(pk=cursor.pk).update(outcome=outcome[-200:])
    return True


def _start(schedule: Schedule, client: Client | None, day: int) -> str:
    """What came of it, in words; what cannot be started keeps nothing else from starting."""
    try:
        run = queue_run(
            job=schedule.job,
            client=client,
            day=day,
            parameters=schedule.parameters,
            requested_by=f"schedule:{schedule.name}",
        )
    except RunUnderWayError as error:
        return f"{date_of(day)}: run {error.data['run']} is under way already"
    except SeldonError as error:
        logger.error("schedule %s of %s: %s", schedule.name, schedule.client or "all clients", error.message)
        return f"{date_of(day)}: {error.message}"
    metrics.STARTED.add((schedule.job,))
    return f"{date_of(day)}: run {run.pk}"
