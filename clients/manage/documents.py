"""Configuration documents as the management API sees them: whose they are, their ETags, what is written."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from clients.manage.actors import Actor
from clients.manage.errors import PreconditionFailedError, PreconditionInvalidError
from stores.config import ConfigStore, Document
from stores.config.errors import ConfigConflictError, ConfigMissingError
from stores.config.paths import check_path

_ETAG: Final = re.compile(r'"(\d{1,18})"')
_OWNER: Final = re.compile(r"/all_clients/([^/]+)(?:/|\Z)")


def owned_path(actor: Actor, path: str) -> str:
    """The canonical form of `path`; ConfigMissingError when it is not below the actor's own client."""
    canonical = check_path(path if path.startswith("/") else f"/{path}")
    if not actor.is_operator and _owner(canonical) != actor.client:
        raise ConfigMissingError(canonical)
    return canonical


def visible_documents(store: ConfigStore, actor: Actor, prefix: str) -> tuple[Document, ...]:
    """The documents at and below `prefix` that the actor may see."""
    return tuple(
        document
        for document in store.list(prefix or "/")
        if actor.is_operator or _owner(document.path) == actor.client
    )


def owner_name(path: str) -> str | None:
    """The client whose document this is; None for one that belongs to the installation."""
    return _owner(path) or None


def describe(document: Document) -> dict[str, Any]:
    """A document with its value and the text it was written as."""
    return {**summarise(document), "value": document.value, "text": document.text}


def summarise(document: Document) -> dict[str, Any]:
    """A document without its content."""
    return {
        "path": document.path,
        "version": document.version,
        "author": document.author,
        "updated_at": document.updated_at,
    }


def etag(version: int) -> str:
    """The ETag of a version."""
    return f'"{version}"'


def expected_version(if_match: str | None, if_none_match: str | None) -> int | None:
    """The version that must be there now: None whatever is there, 0 nothing at all."""
    if if_none_match is not None:
        if if_none_match.strip() != "*":
            raise PreconditionInvalidError(if_none_match)
        return 0
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise PreconditionInvalidError(if_match)
    return int(found[1])


def write_document(
    store: ConfigStore, path: str, text: str, *, author: str, expected: int | None
) -> Document:
    """Writes `text` as it is; a JSON string goes in as the text it holds where the path keeps plain text."""
    try:
        word = _as_word(text)
        if word is not None:
            return store.set(path, word, author=author, expected_version=expected)
        return store.set_text(path, text, author=author, expected_version=expected)
    except ConfigConflictError as error:
        raise precondition_failed(error) from error


def precondition_failed(error: ConfigConflictError) -> PreconditionFailedError:
    """The conflict in HTTP's own terms."""
    return PreconditionFailedError(error.message, version=error.data["version"])


def _as_word(text: str) -> str | None:
    if not text.lstrip().startswith('"'):
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, str) else None


def _owner(path: str) -> str:
    found = _OWNER.match(path)
    return found[1] if found else ""
