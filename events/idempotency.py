"""Requests that were seen before: the same key of the same client counts once for 24 hours.

A store remembers which body came with a key and whether it is in the spool. It answers a retry and
refuses another body. That a record counts once is not left to it alone: the key travels in the record
itself, and the shipper leaves out what it has shipped, so a crash between spool and store, or two
retries at one moment, double nothing.
"""

from __future__ import annotations

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import ClassVar, Final, TypeVar

from common import clock
from common.errors import UnavailableError
from events.errors import IdempotencyConflictError, IdempotencyKeyInvalidError
from events.sinks.base import KEY_HASH_BYTES

DAY_NS: Final = 86_400 * 1_000_000_000
_MAX_KEY: Final = 255
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS claim (
  key_hash BLOB PRIMARY KEY, body_hash BLOB NOT NULL, unix_ns INTEGER NOT NULL, is_kept INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS claim_by_time ON claim (unix_ns);
"""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Claim:
    """What is known of a client's key: of which body it is, when its first request came, and whether its
    events are in a spool.
    """

    client: str
    key_hash: bytes
    body_hash: bytes
    unix_ns: int
    is_kept: bool = False


def hash_key(client: str, key: str) -> bytes:
    """What stands for `key` of `client`; IdempotencyKeyInvalidError when it cannot be a key."""
    if not 1 <= len(key) <= _MAX_KEY or not (key.isascii() and key.isprintable()):
        raise IdempotencyKeyInvalidError
    return blake2b(f"{client}\0{key}".encode(), digest_size=KEY_HASH_BYTES).digest()


def hash_body(body: bytes) -> bytes:
    """What stands for a body."""
    return blake2b(body, digest_size=KEY_HASH_BYTES).digest()


class KeyStore(ABC):
    """Remembers keys for 24 hours, over all workers of the machine; a part of a worker."""

    name: ClassVar[str] = "idempotency"

    @abstractmethod
    async def start(self) -> None:
        """Begin."""

    @abstractmethod
    async def stop(self) -> None:
        """Let go."""

    @abstractmethod
    def problem(self) -> str | None:
        """Why keys cannot be remembered, in one line; None when they can."""

    @abstractmethod
    async def claim(self, client: str, key_hash: bytes, body_hash: bytes) -> Claim:
        """The claim of the client's key, made now when there is none.

        Raises IdempotencyConflictError when the key came with another body, UnavailableError when the
        store cannot say.
        """

    @abstractmethod
    async def settle(self, claim: Claim) -> None:
        """The events of the claim are in the spool."""

    @abstractmethod
    async def release(self, claim: Claim) -> None:
        """The events of the claim were refused; whoever waits for them need not."""


class SqliteKeyStore(KeyStore):
    """Keys in one SQLite file that the workers of a machine share; each uses it from one thread."""

    def __init__(self, path: Path, unix_nanoseconds: Callable[[], int] = clock.unix_nanoseconds) -> None:
        self._path = path
        self._unix_nanoseconds = unix_nanoseconds
        self._db: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, "idempotency")
        self._problem: str | None = None
        self._probe: Future[None] | None = None

    async def start(self) -> None:
        """The file is opened with the first key: whoever sends none depends on nothing here."""

    async def stop(self) -> None:
        await asyncio.to_thread(self._thread.shutdown)
        if self._db is not None:
            self._db.close()
            self._db = None

    def problem(self) -> str | None:
        # To a worker that calls itself unready nobody sends a key that could show that it is well again.
        if self._problem is not None and (self._probe is None or self._probe.done()):
            self._probe = self._thread.submit(self._try_again)
        return self._problem

    def _try_again(self) -> None:
        """Write a claim and take it away again: a full disk shows only in writing."""
        try:
            db = self._connection()
            with db:
                db.execute("BEGIN IMMEDIATE")
                db.execute("INSERT OR REPLACE INTO claim VALUES (?, ?, ?, 0)", (b"", b"", 0))
            db.execute("DELETE FROM claim WHERE key_hash = ?", (b"",))
        except (sqlite3.Error, OSError) as error:
            self._problem = _describe(error)
        else:
            self._problem = None

    async def claim(self, client: str, key_hash: bytes, body_hash: bytes) -> Claim:
        wanted = Claim(client, key_hash, body_hash, self._unix_nanoseconds())
        return await self._run(lambda db: self._claim(db, wanted))

    async def settle(self, claim: Claim) -> None:
        # With its time, which is another machine's when that had the first request.
        update = "UPDATE claim SET unix_ns = ?, is_kept = 1 WHERE key_hash = ?"
        await self._run(lambda db: db.execute(update, (claim.unix_ns, claim.key_hash)))

    async def release(self, claim: Claim) -> None:
        """Nobody waits here: of two requests at one moment both are kept, and the shipper leaves one out."""

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            found = await asyncio.get_running_loop().run_in_executor(
                self._thread, lambda: work(self._connection())
            )
        except (sqlite3.Error, OSError) as error:
            self._problem = _describe(error)
            raise UnavailableError(
                "Idempotency-Key cannot be looked up just now; try again later."
            ) from error
        self._problem = None
        return found

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self._path, timeout=5, isolation_level=None, check_same_thread=False)
            db.execute("PRAGMA journal_mode=WAL")
            # No fsync per key: after a power cut the shipper still knows the keys of what it shipped.
            db.execute("PRAGMA synchronous=NORMAL")
            db.executescript(_SCHEMA)
            self._db = db
        return self._db

    def _claim(self, db: sqlite3.Connection, wanted: Claim) -> Claim:
        with db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("DELETE FROM claim WHERE unix_ns <= ?", (wanted.unix_ns - DAY_NS,))
            row = (wanted.key_hash, wanted.body_hash, wanted.unix_ns)
            db.execute("INSERT INTO claim VALUES (?, ?, ?, 0) ON CONFLICT DO NOTHING", row)
            query = "SELECT body_hash, unix_ns, is_kept FROM claim WHERE key_hash = ?"
            known_body, unix_ns, is_kept = db.execute(query, (wanted.key_hash,)).fetchone()
        if known_body != wanted.body_hash:
            raise IdempotencyConflictError
        return replace(wanted, unix_ns=unix_ns, is_kept=bool(is_kept))


def _describe(error: Exception) -> str:
    return f"Idempotency-Key cannot be looked up: {error}"
