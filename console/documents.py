"""Writing configuration documents with their audit entry, and listing them for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from clients.models import Client
from clients.records import By
from clients.services import record_change
from stores.config import ConfigStore, Document
from stores.config.paths import KNOWN_PATHS, compile_pattern

_CLIENT_PREFIX: Final = "/all_clients/"
_PATTERNS: Final = [(compile_pattern(known.pattern), known.purpose) for known in KNOWN_PATHS]


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document in a list; version 0 stands for one that could be written."""

    path: str
    purpose: str
    version: int = 0
    author: str = ""
    updated_at: datetime | None = None


def purpose_of(path: str) -> str:
    """What a document at `path` is for; empty where nothing is known of it."""
    return next((purpose for pattern, purpose in _PATTERNS if pattern.fullmatch(path)), "")


def rows_of(documents: Iterable[Document]) -> list[DocumentRow]:
    """The documents as lines of a list."""
    return [
        DocumentRow(each.path, purpose_of(each.path), each.version, each.author, each.updated_at)
        for each in documents
    ]


def missing_rows(client: str, documents: Iterable[Document]) -> list[DocumentRow]:
    """What could be configured for `client` and is not."""
    there = {document.path for document in documents}
    told = []
    for known in KNOWN_PATHS:
        path = known.pattern.replace("<client>", client)
        if known.pattern.startswith(_CLIENT_PREFIX) and "<" not in path and path not in there:
            told.append(DocumentRow(path, known.purpose))
    return [row for row in told if "kept, not used" not in row.purpose and "artifact" not in row.purpose]


def client_of(path: str) -> str:
    """The name of the client that a document belongs to; empty for the installation's own."""
    return path.removeprefix(_CLIENT_PREFIX).split("/")[0] if path.startswith(_CLIENT_PREFIX) else ""


@transaction.atomic
def write_document(store: ConfigStore, path: str, text: str, *, by: By, version: int) -> Document:
    """Writes the document's next version if it is still at `version`, and notes who did."""
    document = store.set_text(path, text, author=by.actor, expected_version=version)
    _note("set_config", path, by, {"version": version}, {"version": document.version})
    return document


@transaction.atomic
def roll_back_document(store: ConfigStore, path: str, to: int, *, by: By, version: int) -> None:
    """Makes what stood at version `to` the next version, and notes who did."""
    document = store.rollback(path, to, author=by.actor, expected_version=version)
    after = {"version": document.version if document else None, "as": to}
    _note("rollback_config", path, by, {"version": version}, after)


@transaction.atomic
def delete_document(store: ConfigStore, path: str, *, by: By, version: int) -> None:
    """Deletes the document, which stays in its history, and notes who did."""
    store.delete(path, author=by.actor, expected_version=version)
    _note("delete_config", path, by, {"version": version}, {})


def _note(action: str, path: str, by: By, before: Mapping[str, object], after: Mapping[str, object]) -> None:
    client = Client.objects.filter(name=client_of(path)).first()
    record_change(by=by, action=action, client=client, target=path, before=before, after=after)
