"""Changes of configuration documents, each with its entry in the audit log."""

from __future__ import annotations

import re
from typing import Any, Final

from django.db import transaction

from clients.models import Client
from clients.records import By
from clients.services import record_change
from stores.config import Document, get_store
from stores.config.paths import canonical_path

_OWNER: Final = re.compile(r"/all_clients/([^/]+)(?:/.*)?")


def owner_name(path: str) -> str | None:
    """The name of the client whose document this is; None for one that belongs to the installation."""
    found = _OWNER.fullmatch(canonical_path(path))
    return found[1] if found else None


@transaction.atomic
def write_document(*, path: str, text: str, by: By, expected_version: int | None = None) -> Document:
    """Writes `text` as the document's next version; raises what `ConfigStore.set_text` raises."""
    document = get_store().set_text(path, text, author=by.actor, expected_version=expected_version)
    _note("write_document", document.path, by, {"version": document.version})
    return document


@transaction.atomic
def roll_back_document(
    *, path: str, version: int, by: By, expected_version: int | None = None
) -> Document | None:
    """Makes what the document was at `version` its next; raises what `ConfigStore.rollback` raises."""
    document = get_store().rollback(path, version, author=by.actor, expected_version=expected_version)
    now = document.version if document is not None else None
    _note("roll_back_document", path, by, {"rolled_back_to": version, "version": now})
    return document


@transaction.atomic
def delete_document(*, path: str, by: By, expected_version: int | None = None) -> None:
    """Deletes the document, which stays in its history; raises what `ConfigStore.delete` raises."""
    get_store().delete(path, author=by.actor, expected_version=expected_version)
    _note("delete_document", path, by, {})


def _note(action: str, path: str, by: By, after: dict[str, Any]) -> None:
    name = owner_name(path)
    owner = Client.objects.filter(name=name).first() if name else None
    record_change(by=by, action=action, client=owner, target=canonical_path(path), after=after)
