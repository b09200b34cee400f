"""The schedules as people see them: in words, when they are due next, what came of the last time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from offline.schedules.records import Schedule
from offline.schedules.scheduler import read_schedules
from offline.schedules.starting import read_cursors
from stores.config import ConfigStore


@dataclass(frozen=True, slots=True)
class ListedSchedule:
    """A schedule; `next_due` is empty while it is switched off, `outcome` before it was due once."""

    schedule: Schedule
    next_due: datetime | None
    last_due: datetime | None
    outcome: str


def listed_schedules(store: ConfigStore, now: datetime) -> list[ListedSchedule]:
    """Every schedule in force: the installation's first, then by client and name."""
    cursors = read_cursors()
    found = sorted(read_schedules(store), key=lambda each: (each.client or "", each.name))
    return [
        ListedSchedule(
            schedule=each,
            next_due=each.next_due(now) if each.is_enabled else None,
            last_due=cursor.due_until if cursor is not None and cursor.outcome else None,
            outcome=cursor.outcome if cursor is not None else "",
        )
        for each in found
        for cursor in (cursors.get((each.client, each.name)),)
    ]
