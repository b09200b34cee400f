"""Configuration documents in a backup where they do not live in the database, and back into the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from clients.mirroring import Plan, push
from clients.records import By
from deploy.backup.archive import ArchiveWriter
from deploy.errors import BackupUnusableError
from stores.config import ConfigStore, Document, get_store, make_store
from stores.config.errors import ConfigUnavailableError
from stores.config.mirror import Difference, differences

NAME: Final = "documents.json"
_BY: Final = By("cli:restore", "")


@dataclass(frozen=True, slots=True)
class Kept:
    """A document as the backup holds it."""

    path: str
    text: str
    version: int
    author: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class Landed:
    """What became of the documents: paths that were written, were newer and stayed, or could not be."""

    written: tuple[str, ...]
    newer: tuple[str, ...]
    failed: dict[str, str]
    same: int


def are_elsewhere() -> bool:
    """Whether documents live outside the database."""
    return not settings.CONFIG_STORE.startswith("database")


def dump(archive: ArchiveWriter) -> str:
    """Add the documents: `current`, or `stale` while their store is away and the last known ones are taken.

    Empty when they are in the database, and so in the backup already. ConfigUnavailableError when none are
    known.
    """
    if not are_elsewhere():
        return ""
    store = get_store()
    kept = [asdict(_kept(document)) for document in store.list()]
    archive.add_bytes(NAME, json.dumps(kept, indent=1).encode())
    return "current" if store.state == "connected" else "stale"


def check_store() -> None:
    """Raises ConfigUnavailableError when the store that CONFIG_STORE names cannot be written now."""
    if not are_elsewhere():
        return
    store = make_store(settings.CONFIG_STORE)
    try:
        store.start()
        if store.state != "connected":
            raise ConfigUnavailableError(
                f"documents cannot be restored: {store.problem}; nothing was changed"
            )
    finally:
        store.stop()


def load(staging: Path, *, with_newer: bool) -> Landed:
    """Write the documents of an unpacked backup to the store that CONFIG_STORE names, as next versions.

    One that was written there after the backup's own stays as it is, unless `with_newer`. Those that
    the backup does not have stay, too.
    """
    store = get_store()
    kept = {each.path: each for each in _read(staging / NAME)}
    there = {document.path: document.text for document in store.list()}
    steps = [step for step in differences({path: each.text for path, each in kept.items()}, there)
             if step.change != "delete"]  # fmt: skip
    newer = () if with_newer else tuple(_newer(store, kept, steps))
    wanted = tuple(step for step in steps if step.path not in newer)
    outcomes = list(push(store, Plan(wanted, {}, 0), _BY))
    failed = {each.path: each.error for each in outcomes if each.error}
    written = tuple(each.path for each in outcomes if not each.error)
    return Landed(written, newer, failed, len(kept) - len(steps))


def _newer(store: ConfigStore, kept: dict[str, Kept], steps: list[Difference]) -> Iterator[str]:
    for step in steps:
        present = store.get(step.path)
        if present is not None and present.updated_at > datetime.fromisoformat(kept[step.path].updated_at):
            yield step.path


def _kept(document: Document) -> Kept:
    at = document.updated_at.isoformat()
    return Kept(document.path, document.text, document.version, document.author, at)


def _read(path: Path) -> list[Kept]:
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_bytes())
        return [Kept(**entry) for entry in entries]
    except (OSError, ValueError, TypeError) as error:
        raise BackupUnusableError(f"its configuration documents cannot be read: {error}") from error
