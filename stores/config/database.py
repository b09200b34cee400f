"""Configuration documents in the Django database, followed through the change feed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import zip_longest
from typing import Any, Final

from django.core.exceptions import SynchronousOnlyOperation
from django.db import DatabaseError, IntegrityError, InterfaceError, transaction

from common import clock
from stores import changes
from stores.config.base import ConfigStore, State
from stores.config.errors import ConfigConflictError, ConfigUnavailableError
from stores.config.models import ConfigDocument, ConfigVersion
from stores.config.records import Document, HistoryEntry

TOPIC: Final = "config"

# SQLite takes 32 766 parameters, but long IN lists make slow plans everywhere.
_PATHS_PER_QUERY: Final = 500
# Two writers who both accept whatever is there can only get in each other's way for a moment.
_ATTEMPTS: Final = 10


class DatabaseConfigStore(ConfigStore):
    """The default backend. The process's ChangeWatcher keeps its snapshot current."""

    def __init__(self) -> None:
        super().__init__()
        self._is_current = False
        self._unsubscribe: Callable[[], None] | None = None

    @property
    def state(self) -> State:
        """`stale` before the first load, after a failed one, and while the change feed cannot be read."""
        watcher = changes.current_watcher()
        is_followed = watcher is None or watcher.healthy
        return "connected" if self._is_current and is_followed else "stale"

    def atomic(self) -> AbstractContextManager[Any]:
        """One transaction of the database, which holds the documents too."""
        return transaction.atomic()

    def start(self) -> None:
        """Subscribes to the change feed, then loads every document."""
        if self._unsubscribe is None:
            self._unsubscribe = changes.subscribe(TOPIC, self.refresh)
        self.refresh()

    def stop(self) -> None:
        """As the interface says."""
        super().stop()
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def refresh(self, paths: Iterable[str] | None = None) -> None:
        """As the interface says; a failure makes the store `stale` until a refresh succeeds."""
        try:
            super().refresh(paths)
        except ConfigUnavailableError:
            self._is_current = False
            raise
        # Single paths prove nothing about the others, so only a whole refresh ends staleness.
        self._is_current = self._is_current or paths is None

    def _write(
        self, path: str, text: str | None, author: str, expected_version: int | None
    ) -> Document | None:
        with _reachable():
            for _ in range(_ATTEMPTS):
                written = self._try_write(path, text, author, expected_version)
                if written is not None:
                    return _document(written) if text is not None else None
        raise ConfigUnavailableError(f"{path} is being written by too many at once")

    def _try_write(
        self, path: str, text: str | None, author: str, expected_version: int | None
    ) -> ConfigDocument | None:
        """The row written, or None when another writer was faster."""
        try:
            with transaction.atomic():
                row = ConfigDocument.objects.filter(path=path).first()
                present = row.version if row is not None and row.text is not None else 0
                if expected_version is not None and expected_version != present:
                    raise ConfigConflictError(path, expected_version, present)
                version = row.version + 1 if row is not None else 1
                fresh = ConfigDocument(
                    path=path, text=text, version=version, author=author, updated_at=clock.now()
                )
                return fresh if _store_row(row, fresh) else None
        except IntegrityError:
            return None

    def _refresh_all(self) -> None:
        self._change(self._read_differing)

    def _read_differing(self) -> frozenset[str]:
        with _reachable():
            rows = ConfigDocument.objects.filter(text__isnull=False).values_list("path", "version")
            versions = dict(rows)
        return self._apply_versions(versions)

    def _fetch_many(self, paths: Iterable[str]) -> dict[str, Document]:
        found = {}
        with _reachable():
            for some in _batches(paths):
                for row in ConfigDocument.objects.filter(path__in=some, text__isnull=False):
                    found[row.path] = _document(row)
        return found

    def _fetch_history(self, path: str, limit: int) -> tuple[HistoryEntry, ...]:
        with _reachable():
            # One more than asked for, because what a change replaced is the entry before it.
            rows = list(ConfigVersion.objects.filter(path=path).order_by("-version")[: limit + 1])
        pairs = zip_longest(rows, rows[1:])
        return tuple(_entry(row, before) for row, before in pairs)[:limit]

    def _fetch_entry(self, path: str, version: int) -> HistoryEntry | None:
        with _reachable():
            rows = ConfigVersion.objects.filter(path=path, version__in=(version, version - 1))
            by_version = {row.version: row for row in rows}
        row = by_version.get(version)
        return _entry(row, by_version.get(version - 1)) if row is not None else None


def _batches(paths: Iterable[str]) -> Iterator[list[str]]:
    """`paths` in lists that fit one query."""
    waiting = list(paths)
    for first in range(0, len(waiting), _PATHS_PER_QUERY):
        yield waiting[first : first + _PATHS_PER_QUERY]


@contextmanager
def _reachable() -> Iterator[None]:
    """Says in our own words that the database is away."""
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        raise ConfigUnavailableError(_reason(error)) from error
    except SynchronousOnlyOperation as error:
        raise ConfigUnavailableError("the store was not started before the first request") from error


def _reason(error: Exception) -> str:
    """What happened: PostgreSQL's messages run over several lines, of which the first says it."""
    first = str(error).strip().partition("\n")[0] or type(error).__name__
    is_missing = "no such table" in first or "does not exist" in first
    return f"{first} (is the database migrated?)" if is_missing else first


def _store_row(row: ConfigDocument | None, fresh: ConfigDocument) -> bool:
    """Writes `fresh` over `row`, with history and announcement; False when `row` is no longer present."""
    if row is None:
        fresh.save(force_insert=True)
    elif not _replace_row(row, fresh):
        return False
    ConfigVersion.objects.create(
        path=fresh.path, version=fresh.version, text=fresh.text, author=fresh.author, at=fresh.updated_at
    )
    changes.publish(TOPIC, fresh.path)
    return True


def _replace_row(row: ConfigDocument, fresh: ConfigDocument) -> bool:
    # The version in the condition decides between two writers, whatever the isolation level.
    present = ConfigDocument.objects.filter(pk=row.pk, version=row.version)
    updated = present.update(
        text=fresh.text, version=fresh.version, author=fresh.author, updated_at=fresh.updated_at
    )
    return updated == 1


def _document(row: ConfigDocument) -> Document:
    return Document(row.path, row.text or "", row.version, row.author, row.updated_at)


def _entry(row: ConfigVersion, before: ConfigVersion | None) -> HistoryEntry:
    old_text = before.text if before is not None else None
    return HistoryEntry(row.path, row.version, row.author, row.at, old_text, row.text)
