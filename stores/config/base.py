"""The interface of configuration stores, and what all backends share: the snapshot, validation, watching."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Final, Literal, Self

from stores.config.errors import ConfigMissingError, ConfigVersionMissingError
from stores.config.paths import canonical_path, check_path
from stores.config.records import Document, HistoryEntry
from stores.config.text import encode_value
from stores.config.validation import check_document

logger = logging.getLogger(__name__)

MAX_AUTHOR_CHARACTERS: Final = 200

State = Literal["connected", "stale"]
Watch = Callable[[frozenset[str]], None]
"""Gets the paths whose documents were written, deleted or first seen; called from any thread."""


class ConfigStore(ABC):
    """JSON documents by path: versioned, validated when written, and live in every process within a second.

    `get` and `list` answer from a snapshot in memory and never wait; they go on answering from it
    while the backend is away (`state` is then `stale`). Everything else asks the backend and raises
    ConfigUnavailableError (503) when it cannot be reached. Safe to use from several threads.
    """

    @classmethod
    def configured(cls, name: str) -> Self:
        """The store that `name` means, as CONFIG_STORE writes it; everything else is in the settings."""
        return cls()

    def __init__(self) -> None:
        self._documents: dict[str, Document] = {}
        self._watches: list[Watch] = []
        # Held over reading and applying, so that an older read can never overwrite a newer one.
        self._refreshing = threading.RLock()

    # -- reading, from memory ----------------------------------------------------------------------

    def get(self, path: str) -> Document | None:
        """The document at `path` as this process knows it, None when there is none.

        It is the same object until the document changes, so what is made of it holds while it is.
        """
        document = self._documents.get(path)
        if document is None and not path.startswith(("/all_clients/", "/config/")):
            document = self._documents.get(canonical_path(path))
        return document

    def list(self, prefix: str = "/") -> tuple[Document, ...]:
        """The known documents at `prefix` and below it, by path."""
        stem = canonical_path(prefix).rstrip("/")
        documents = list(self._documents.values())
        found = [each for each in documents if each.path == stem or each.path.startswith(f"{stem}/")]
        return tuple(sorted(found, key=lambda each: each.path))

    @property
    @abstractmethod
    def state(self) -> State:
        """`connected`, or `stale` while changes made elsewhere may be missed."""

    @property
    def problem(self) -> str | None:
        """What an operator must know: why documents may be out of date, which ones are refused."""
        stale = f"the store is {self.state}; the last known documents are used"
        return None if self.state == "connected" else stale

    @property
    def refused(self) -> Mapping[str, str]:
        """Why, by path, what another tool wrote is not in force: the last good document stays instead."""
        return {}

    # -- asking the backend ------------------------------------------------------------------------

    def read(self, path: str) -> Document:
        """The document at `path` as the backend has it now; ConfigMissingError when there is none."""
        document = self._fetch_one(check_path(path))
        if document is None:
            raise ConfigMissingError(path)
        return document

    def history(self, path: str, limit: int = 100) -> tuple[HistoryEntry, ...]:
        """The last `limit` changes, newest first; ConfigMissingError when there never was a document."""
        entries = self._fetch_history(check_path(path), limit)
        if not entries:
            raise ConfigMissingError(path)
        return entries

    def version(self, path: str, version: int) -> HistoryEntry:
        """The change that made `version`; ConfigVersionMissingError when there never was one."""
        entry = self._fetch_entry(check_path(path), version)
        if entry is None:
            raise ConfigVersionMissingError(path, version)
        return entry

    def set(self, path: str, value: Any, *, author: str, expected_version: int | None = None) -> Document:
        """Writes `value` as the next version of the document at `path` and returns it.

        `expected_version` refuses to overwrite what somebody else wrote meanwhile: 0 means that there must be
        no document, None means whatever is there. Raises ConfigPathError, ConfigInvalidError,
        ConfigTooLargeError, ConfigConflictError, ConfigUnavailableError.
        """
        canonical = check_path(path)
        text = encode_value(canonical, value)
        return self.set_text(canonical, text, author=author, expected_version=expected_version)

    def set_text(self, path: str, text: str, *, author: str, expected_version: int | None = None) -> Document:
        """As `set`, with the document as text, which is kept as it is: key order, numbers, white space."""
        canonical = check_path(path)
        check_document(canonical, text)
        written = self._write(canonical, text, author[:MAX_AUTHOR_CHARACTERS], expected_version)
        if written is None:
            raise ConfigMissingError(path)
        return written

    def delete(self, path: str, *, author: str, expected_version: int | None = None) -> None:
        """Deletes the document, which stays in the history; ConfigMissingError when there is none."""
        canonical = check_path(path)
        if self._fetch_one(canonical) is None:
            raise ConfigMissingError(path)
        self._write(canonical, None, author[:MAX_AUTHOR_CHARACTERS], expected_version)

    def rollback(
        self, path: str, version: int, *, author: str, expected_version: int | None = None
    ) -> Document | None:
        """Writes what the document was at `version` as its next version; None when it was deleted then.

        It is validated like any other document. Raises ConfigVersionMissingError when it never had that
        version, and what `set` raises.
        """
        canonical = check_path(path)
        entry = self.version(canonical, version)
        if entry.after is None:
            self.delete(canonical, author=author, expected_version=expected_version)
            return None
        return self.set_text(canonical, entry.after, author=author, expected_version=expected_version)

    # -- being told --------------------------------------------------------------------------------

    def watch(self, callback: Watch) -> Callable[[], None]:
        """Calls `callback` after the snapshot changed until the returned function is called."""
        self._watches.append(callback)
        return lambda: self._watches.remove(callback)

    def atomic(self) -> AbstractContextManager[Any]:
        """What is written in the block, here and in the Django database, is written all or not at all.

        As far as that is possible: where documents live elsewhere it holds for the database alone.
        """
        return nullcontext()

    def start(self) -> None:
        """Loads the snapshot and begins to follow changes; ConfigUnavailableError when that fails."""
        self.refresh()

    def stop(self) -> None:
        """Ends the watches and stops following changes; `get` goes on answering."""
        self._watches.clear()

    def refresh(self, paths: Iterable[str] | None = None) -> None:
        """Reads `paths` from the backend into the snapshot, or with None whatever changed anywhere."""
        if paths is None:
            self._refresh_all()
        else:
            self._change(partial(self._refresh_some, frozenset(paths)))

    # -- for backends ------------------------------------------------------------------------------

    @abstractmethod
    def _write(
        self, path: str, text: str | None, author: str, expected_version: int | None
    ) -> Document | None:
        """Writes the next version and its history in one step and makes it known; `text` None deletes."""

    @abstractmethod
    def _refresh_all(self) -> None:
        """Brings the whole snapshot up to date, by `_change`."""

    @abstractmethod
    def _fetch_many(self, paths: Iterable[str]) -> dict[str, Document]:
        """Those of `paths` at which there is a document."""

    @abstractmethod
    def _fetch_history(self, path: str, limit: int) -> tuple[HistoryEntry, ...]:
        """The last changes, newest first."""

    @abstractmethod
    def _fetch_entry(self, path: str, version: int) -> HistoryEntry | None:
        """The change that made `version`."""

    def _fetch_one(self, path: str) -> Document | None:
        return self._fetch_many((path,)).get(path)

    # -- the snapshot ------------------------------------------------------------------------------

    def _change(self, read: Callable[[], frozenset[str]]) -> None:
        """Has `read` bring the snapshot up to date, alone, and tells of the paths that changed."""
        with self._refreshing:
            changed = read()
        if changed:
            self._tell(changed)

    def _refresh_some(self, paths: frozenset[str]) -> frozenset[str]:
        return self._apply(paths, self._fetch_many(paths))

    def _apply_versions(self, versions: Mapping[str, int]) -> frozenset[str]:
        """Makes the snapshot agree with the version of every document there is; as `_apply`."""
        known = self._documents
        differing = {path for path, version in versions.items() if _version(known.get(path)) != version}
        gone = known.keys() - versions.keys()
        return self._apply(differing | gone, self._fetch_many(differing))

    def _apply(self, paths: Iterable[str], found: dict[str, Document]) -> frozenset[str]:
        """Makes the snapshot say of `paths` what `found` says; returns the paths that changed by it."""
        changed = {path for path in paths if self._documents.get(path) != found.get(path)}
        for path in changed:
            if path in found:
                self._documents[path] = found[path]
            else:
                self._documents.pop(path, None)
        return frozenset(changed)

    def _tell(self, changed: frozenset[str]) -> None:
        for callback in tuple(self._watches):
            callback(changed)


def _version(document: Document | None) -> int:
    return 0 if document is None else document.version
