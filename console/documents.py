"""Configuration documents listed for people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from clients.services import get_client
from predictions.selectors import microservices_of
from stores.config import Document
from stores.config.paths import KNOWN_PATHS, compile_pattern, form_of

_CLIENT_PREFIX: Final = "/all_clients/"
_STRATEGY: Final = re.compile(r"/all_clients/([^/]+)/predict_algs")
# What a new document begins with where it is no object.
_FIRST_TEXTS: Final = {"text": "", "switch": "false"}
_PATTERNS: Final = [(compile_pattern(known.pattern), known.purpose) for known in KNOWN_PATHS]


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document in a list; version 0 stands for one that could be written."""

    path: str
    purpose: str
    version: int = 0
    author: str = ""
    updated_at: datetime | None = None


def first_text(path: str) -> str:
    """What a new document at `path` begins with; a strategy calls the client's first microservice."""
    strategy = _STRATEGY.fullmatch(path)
    if not strategy:
        return _FIRST_TEXTS.get(form_of(path), "{\n  \n}")
    names = [row.name for row in microservices_of(get_client(strategy[1]))]
    return json.dumps({"algorithms": [{"microservice": names[0] if names else "NAME"}]}, indent=2)


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
