"""The last known documents on disk, for a start while the backend is away.

One file for all processes of a machine: written whole beside its place and moved there, with a checksum,
so that a reader finds the old one or the new one, and knows a damaged one.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from common import clock
from stores.config.records import Document

logger = logging.getLogger(__name__)

_FORMAT: Final = 1


class SnapshotFile:
    """The documents of the store `source`, in a file that only this user reads: they may hold passwords."""

    def __init__(self, path: Path, source: str) -> None:
        self._path = path
        self._source = source

    def read(self) -> tuple[Document, ...] | None:
        """What was saved; None when there is no file, or when it is damaged or of another store."""
        try:
            head, _, body = self._path.read_bytes().partition(b"\n")
            return self._decode(head, body)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            logger.warning("the documents kept in %s cannot be used: %s", self._path, error)
            return None

    def save(self, documents: Iterable[Document]) -> bool:
        """Replaces the file unless it says the same already; False when the disk does not let us."""
        ordered = sorted(documents, key=lambda each: each.path)
        body = orjson.dumps([_row(each) for each in ordered])
        digest = hashlib.sha256(body).hexdigest()
        try:
            if not self._holds(digest):
                self._replace(self._head(digest) + body)
        except OSError as error:
            logger.warning("the documents cannot be kept in %s: %s", self._path, error)
            return False
        return True

    def _head(self, digest: str) -> bytes:
        head = {"format": _FORMAT, "source": self._source, "sha256": digest, "saved_at": clock.now()}
        return orjson.dumps(head) + b"\n"

    def _decode(self, head: bytes, body: bytes) -> tuple[Document, ...]:
        known: dict[str, Any] = orjson.loads(head)
        if known["format"] != _FORMAT:
            raise ValueError(f"format {known['format']} is not {_FORMAT}")
        if known["sha256"] != hashlib.sha256(body).hexdigest():
            raise ValueError("it is damaged: its checksum is not that of its content")
        if known["source"] != self._source:
            raise ValueError(f"it holds those of {known['source']}, not of {self._source}")
        return tuple(_document(row) for row in orjson.loads(body))

    def _holds(self, digest: str) -> bool:
        """Whether another process of this machine saved the same."""
        try:
            with self._path.open("rb") as file:
                known = orjson.loads(file.readline(4096))
        except (FileNotFoundError, ValueError):
            return False
        return bool(known.get("sha256") == digest and known.get("source") == self._source)

    def _replace(self, content: bytes) -> None:
        folder = self._path.parent
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f".{self._path.name}.{os.getpid()}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                _give_to_owner(file.fileno(), folder)
            fresh.replace(self._path)
        finally:
            fresh.unlink(missing_ok=True)


def _give_to_owner(descriptor: int, folder: Path) -> None:
    """A command that the superuser runs must not keep the service from reading the file."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _row(document: Document) -> list[Any]:
    return [document.path, document.text, document.version, document.author, document.updated_at.isoformat()]


def _document(row: list[Any]) -> Document:
    path, text, version, author, updated_at = row
    return Document(str(path), str(text), int(version), str(author), datetime.fromisoformat(updated_at))
