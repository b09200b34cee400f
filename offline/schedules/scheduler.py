"""Follows the schedules documents and starts what is due; each process may have one, they do not meet."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Final

from clients.models import Client
from offline.models import ScheduleCursor
from offline.schedules import starting
from offline.schedules.documents import COMMON_DEFAULT, COMMON_PATH, is_schedules, parse_schedules
from offline.schedules.records import Schedule
from stores.config import ConfigStore
from stores.config.errors import ConfigInvalidError

logger = logging.getLogger(__name__)

# A clock that was set back, or clients that were switched on again, are noticed after this long.
_LOOK_AGAIN_SECONDS: Final = 60.0


@dataclass(slots=True)
class _Entry:
    schedule: Schedule
    next_due: datetime | None


class Scheduler:
    """`tick` with the present moment, about once a second."""

    def __init__(self, store: ConfigStore) -> None:
        self._store = store
        self._entries: list[_Entry] = []
        self._changed = Event()
        self._changed.set()
        self._loaded_at: datetime | None = None
        self._end_watch: Callable[[], None] = store.watch(self._on_change)

    def close(self) -> None:
        """Follow the documents no longer."""
        self._end_watch()

    def tick(self, now: datetime) -> int:
        """Start what is due; returns how many schedules were."""
        if self._changed.is_set() or self._is_old(now):
            # Cleared first: what changes while we read is read again.
            self._changed.clear()
            self._load(now)
        due = [entry for entry in self._entries if entry.next_due is not None and entry.next_due <= now]
        if due:
            self._start(due, now)
        return len(due)

    def _is_old(self, now: datetime) -> bool:
        if self._loaded_at is None:
            return True
        return not 0 <= (now - self._loaded_at).total_seconds() < _LOOK_AGAIN_SECONDS

    def _on_change(self, paths: frozenset[str]) -> None:
        if any(is_schedules(path) for path in paths):
            self._changed.set()

    def _load(self, now: datetime) -> None:
        clients = {client.name: client for client in Client.objects.filter(is_active=True)}
        found = [
            each for each in read_schedules(self._store) if each.client is None or each.client in clients
        ]
        known = starting.read_cursors()
        for schedule in found:
            if (schedule.client, schedule.name) not in known:
                starting.make_cursor(schedule, clients.get(schedule.client or ""), now)
        known = starting.read_cursors() if len(found) > len(known) else known
        self._entries = [_entry(each, known, now) for each in found]
        self._loaded_at = now

    def _start(self, due: list[_Entry], now: datetime) -> None:
        cursors = starting.read_cursors()
        for entry in due:
            cursor = cursors.get((entry.schedule.client, entry.schedule.name))
            # Gone together with its client, or swept away: the next load makes a new one.
            if cursor is None:
                self._changed.set()
            else:
                starting.start_missed(entry.schedule, cursor, now)
            entry.next_due = entry.schedule.next_due(now)


def read_schedules(store: ConfigStore) -> list[Schedule]:
    """All schedules of all documents; a document that cannot be used is told and left out."""
    return [schedule for document in _documents(store) for schedule in _parsed(*document)]


def _documents(store: ConfigStore) -> Iterator[tuple[str, object]]:
    if store.get(COMMON_PATH) is None:
        yield COMMON_PATH, COMMON_DEFAULT
    for document in store.list("/"):
        if is_schedules(document.path):
            yield document.path, document.value


def _parsed(path: str, value: object) -> tuple[Schedule, ...]:
    try:
        return parse_schedules(path, value)
    except ConfigInvalidError as error:
        logger.error("a schedules document is not followed: %s", error.message)
        return ()


def _entry(schedule: Schedule, known: dict[starting.Key, ScheduleCursor], now: datetime) -> _Entry:
    cursor = known.get((schedule.client, schedule.name))
    return _Entry(schedule, schedule.next_due(cursor.due_until if cursor is not None else now))
