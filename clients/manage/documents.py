"""Configuration documents as the management API sees them: whose they are, their ETags, what is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import orjson

from clients.configuration import owner_name
from clients.manage.actors import Actor
from clients.manage.errors import PreconditionInvalidError
from common.errors import PreconditionFailedError
from stores.config import ConfigStore, Document
from stores.config.errors import ConfigConflictError, ConfigMissingError
from stores.config.paths import check_path
from stores.config.text import encode_value

_ETAG: Final = re.compile(r'"(\d{1,18})"')


def owned_path(actor: Actor, path: str) -> str:
    """The canonical form of `path`; ConfigMissingError when it is not below the actor's own client."""
    canonical = check_path(path if path.startswith("/") else f"/{path}")
    if not actor.is_operator and owner_name(canonical) != actor.client:
        raise ConfigMissingError(canonical)
    return canonical


def visible_documents(store: ConfigStore, actor: Actor, prefix: str) -> tuple[Document, ...]:
    """The documents at and below `prefix` that the actor may see."""
    return tuple(
        document
        for document in store.list(prefix or "/")
        if actor.is_operator or owner_name(document.path) == actor.client
    )


def describe(document: Document, refused: Mapping[str, str]) -> dict[str, Any]:
    """A document with its value and the text it was written as."""
    return {**summarise(document, refused), "value": document.value, "text": document.text}


def summarise(document: Document, refused: Mapping[str, str]) -> dict[str, Any]:
    """A document without its content, and why a newer one that another tool wrote was refused."""
    return {
        "path": document.path,
        "version": document.version,
        "author": document.author,
        "updated_at": document.updated_at,
        "refused": refused.get(document.path),
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


def text_to_keep(path: str, text: str) -> str:
    """`text` as it is; of a JSON string the text it holds where `path` keeps plain text."""
    word = _as_word(text)
    return text if word is None else encode_value(path, word)


@contextmanager
def conflict_as_precondition() -> Iterator[None]:
    """A conflict of versions within the block is told in HTTP's own terms."""
    try:
        yield
    except ConfigConflictError as error:
        raise PreconditionFailedError(error.message, version=error.data["version"]) from error


def _as_word(text: str) -> str | None:
    if not text.lstrip().startswith('"'):
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, str) else None
