"""What a backup says of itself: its versions, and the size and checksum of every file in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from deploy.errors import BackupUnusableError

FORMAT: Final = 1
MANIFEST_NAME: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the backup."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """`migrations`: the applied ones by app; `tables`: columns by table, of PostgreSQL alone.

    `documents`: `current` or `stale` when documents that live outside the database are in it.
    """

    product: str
    made_at: str
    database: str
    migrations: dict[str, list[str]]
    secret_key_fingerprint: str
    has_secret_key: bool
    has_files: bool
    config_store: str
    documents: str = ""
    tables: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, FileEntry] = field(default_factory=dict)
    format: int = FORMAT

    def to_json(self) -> bytes:
        """As it lies in the backup."""
        return json.dumps(asdict(self), indent=1).encode()


def read_manifest(data: bytes) -> Manifest:
    """The manifest in `data`; BackupUnusableError when it is none, or of a later form."""
    try:
        document: dict[str, Any] = json.loads(data)
        if document["format"] != FORMAT:
            raise BackupUnusableError(
                f"it has form {document['format']} and this version reads form {FORMAT}: install the version "
                f"that made it ({document.get('product', 'unknown')}) or a later one"
            )
        files = {name: FileEntry(**entry) for name, entry in document.pop("files").items()}
        return Manifest(**document, files=files)
    except (ValueError, TypeError, KeyError) as error:
        raise BackupUnusableError(f"its manifest cannot be read: {error}") from error


def fingerprint(secret: str) -> str:
    """Tells whether two secrets are the same, and nothing else about them."""
    return hashlib.sha256(b"seldon-api backup\0" + secret.encode()).hexdigest()[:32]
