"""Configuration documents in this process's memory: for tests, and for trying things out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from common import clock
from stores.config.base import ConfigStore, State
from stores.config.errors import ConfigConflictError
from stores.config.records import Document, HistoryEntry


class MemoryConfigStore(ConfigStore):
    """Keeps everything until the process ends; other processes see nothing of it."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: defaultdict[str, list[HistoryEntry]] = defaultdict(list)

    @property
    def state(self) -> State:
        """Always `connected`: nobody else can change anything."""
        return "connected"

    def _write(
        self, path: str, text: str | None, author: str, expected_version: int | None
    ) -> Document | None:
        with self._refreshing:
            entries = self._entries[path]
            before = entries[-1] if entries else None
            present = before.version if before is not None and before.after is not None else 0
            if expected_version is not None and expected_version != present:
                raise ConfigConflictError(path, expected_version, present)
            old_text = before.after if before is not None else None
            entries.append(HistoryEntry(path, len(entries) + 1, author, clock.now(), old_text, text))
        self.refresh((path,))
        return self._fetch_one(path)

    def _refresh_all(self) -> None:
        found = self._fetch_many(list(self._entries))
        versions = {path: each.version for path, each in found.items()}
        self._change(lambda: self._apply_versions(versions))

    def _fetch_many(self, paths: Iterable[str]) -> dict[str, Document]:
        found = (_document(self._entries.get(path)) for path in paths)
        return {document.path: document for document in found if document is not None}

    def _fetch_history(self, path: str, limit: int) -> tuple[HistoryEntry, ...]:
        return tuple(reversed(self._entries.get(path, [])))[:limit]

    def _fetch_entry(self, path: str, version: int) -> HistoryEntry | None:
        return next((entry for entry in self._entries.get(path, ()) if entry.version == version), None)


def _document(entries: list[HistoryEntry] | None) -> Document | None:
    last = entries[-1] if entries else None
    if last is None or last.after is None:
        return None
    return Document(last.path, last.after, last.version, last.author, last.at)
