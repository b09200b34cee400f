"""Changes of configuration documents, each with its entry in the audit log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

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


def write_document(*, path: str, text: str, by: By, expected_version: int | None = None) -> Document:
    """Writes `text` as the document's next version; raises what `ConfigStore.set_text` raises."""
    with _noted("write_document", path, by) as after:
        document = get_store().set_text(path, text, author=by.actor, expected_version=expected_version)
        after["version"] = document.version
    return document


def roll_back_document(
    *, path: str, version: int, by: By, expected_version: int | None = None
) -> Document | None:
    """Makes what the document was at `version` its next; raises what `ConfigStore.rollback` raises."""
    with _noted("roll_back_document", path, by) as after:
        document = get_store().rollback(path, version, author=by.actor, expected_version=expected_version)
        now = document.version if document is not None else None
        after |= {"rolled_back_to": version, "version": now}
    return document


def delete_document(*, path: str, by: By, expected_version: int | None = None) -> None:
    """Deletes the document, which stays in its history; raises what `ConfigStore.delete` raises."""
    with _noted("delete_document", path, by):
        get_store().delete(path, author=by.actor, expected_version=expected_version)


@contextmanager
def _noted(action: str, path: str, by: By) -> Iterator[dict[str, Any]]:
    """Does what is in the block, and enters it into the audit log with what the block puts into the value.

    The database is asked before anything is written, since a store elsewhere is in no transaction with it:
    a change that cannot be entered is not made.
    """
    owner = Client.objects.filter(name=owner_name(path) or "").first()
    after: dict[str, Any] = {}
    with get_store().atomic():
        yield after
        record_change(by=by, action=action, client=owner, target=canonical_path(path), after=after)
