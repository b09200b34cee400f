"""What lies in which ZooKeeper node: documents at Seldon's paths, and beside them what we know of each.

A document is the raw text in the node of its path. `/seldon-api/history` mirrors those paths: there, a
document's *head* says which version the node holds and who wrote it, and each version is a child of the
head. A comma begins the names of versions, since no path of a document has one.

Head and document are written in one transaction, which gives both the same zxid; so a document that
somebody else wrote is told by its `mzxid` alone.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import orjson

from stores.config.errors import ConfigUnavailableError
from stores.config.text import MAX_DOCUMENT_BYTES

HISTORY: Final = "/seldon-api/history"
ROOTS: Final = ("/config", "/all_clients")
OUTSIDE: Final = "zookeeper"
"""The author of what other tools wrote."""

# The server cuts connections that send more than 1 MiB at once (its jute.maxbuffer).
MAX_TRANSACTION_BYTES: Final = 1_040_000
# Several times what a document may hold; more is no history of ours.
_MAX_INFLATED_BYTES: Final = 4 * MAX_DOCUMENT_BYTES


class Stat(Protocol):
    """Of a node's metadata, what is used here."""

    version: int
    mzxid: int
    mtime: int
    numChildren: int  # noqa: N815 (ZooKeeper's name)


Node = tuple[bytes, Stat]
"""A node's data and metadata."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest version of a document, deleted or not."""

    version: int
    author: str
    at: datetime
    is_deleted: bool
    # Where the document was written before the head was: that of the write which another tool made.
    adopted_mzxid: int = 0


NO_VERSION: Final = Head(0, "", datetime.fromtimestamp(0, UTC), is_deleted=True)


@dataclass(frozen=True, slots=True)
class Version:
    """One entry of the history; no `text`: deleted."""

    author: str
    at: datetime
    text: str | None
    # Which write made it, to find out whether one whose answer was lost took place.
    token: str = ""


def head_node(path: str) -> str:
    """Where the head of the document at `path` is."""
    return HISTORY + path


def version_node(path: str, version: int) -> str:
    """Where that version of the document at `path` is."""
    return f"{HISTORY}{path}/,{version}"


def version_of(name: str) -> int | None:
    """The version that a child of a head is; None for the head of another document."""
    return int(name[1:]) if name.startswith(",") and name[1:].isdigit() else None


def encode_head(head: Head) -> bytes:
    """The data of a head's node."""
    return orjson.dumps(
        {
            "version": head.version,
            "author": head.author,
            "at": head.at.isoformat(),
            "deleted": head.is_deleted,
            "adopted_mzxid": head.adopted_mzxid,
        }
    )


def decode_head(node: str, data: bytes) -> Head:
    """The head that `data` says; ConfigUnavailableError when it says none. Empty data: no version yet."""
    if not data:
        return NO_VERSION
    try:
        known: dict[str, Any] = orjson.loads(data)
        return Head(
            int(known["version"]),
            str(known["author"]),
            datetime.fromisoformat(known["at"]),
            bool(known["deleted"]),
            int(known["adopted_mzxid"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(node) from error


def encode_version(version: Version) -> bytes:
    """The data of a version's node: a line of JSON, then the deflated text.

    Deflated, since a document of the largest size must fit beside its own history into one transaction.
    """
    head = {
        "author": version.author,
        "at": version.at.isoformat(),
        "deleted": version.text is None,
        "token": version.token,
    }
    packed = b"" if version.text is None else zlib.compress(version.text.encode(), 6)
    return orjson.dumps(head) + b"\n" + packed


def decode_version(node: str, data: bytes) -> Version:
    """The version that `data` says; ConfigUnavailableError when it says none."""
    line, _, packed = data.partition(b"\n")
    try:
        known: dict[str, Any] = orjson.loads(line)
        text = None if known["deleted"] else _inflate(packed).decode()
        at = datetime.fromisoformat(known["at"])
        return Version(str(known["author"]), at, text, str(known["token"]))
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        raise _damaged(node) from error


def _damaged(node: str) -> ConfigUnavailableError:
    return ConfigUnavailableError(f"its node {node} holds no history of ours; remove that node")


def _inflate(packed: bytes) -> bytes:
    inflating = zlib.decompressobj()
    data = inflating.decompress(packed, _MAX_INFLATED_BYTES)
    if not inflating.eof:
        raise ValueError("cut short, or too long")
    return data


def written_at(stat: Stat) -> datetime:
    """When a node was last written, by the server's clock."""
    return datetime.fromtimestamp(stat.mtime / 1000, UTC)
