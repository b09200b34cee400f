"""What the shipper must not forget: how far it read, what it has seen, what it is about to rename.

One SQLite file whose single transaction is the moment at which records count as shipped.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from events.shipping.base import Rename
from events.shipping.merging import Place

SHIPPER_FOLDER: Final = ".shipper"
LEDGER_NAME: Final = "ledger.sqlite3"
DAY_NS: Final = 86_400 * 1_000_000_000
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS place (writer TEXT PRIMARY KEY, segment TEXT NOT NULL, "offset" INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS seen (key_hash BLOB PRIMARY KEY, unix_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_by_time ON seen (unix_ns);
CREATE TABLE IF NOT EXISTS rename (source TEXT PRIMARY KEY, target TEXT NOT NULL);
"""


class Ledger:
    """The shipper's memory in the file `path`; every change survives the power."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def places(self) -> dict[str, Place]:
        """How far each writer was read."""
        return read_places(self._db)

    def renames(self) -> list[Rename]:
        """Files whose records are shipped and which may not have their final name yet."""
        rows = self._db.execute("SELECT source, target FROM rename ORDER BY target")
        return [Rename(Path(source), Path(target)) for source, target in rows]

    def seen_at(self, key_hash: bytes) -> int | None:
        """When a record with `key_hash` was shipped, in Unix nanoseconds; None when none was."""
        row = self._db.execute("SELECT unix_ns FROM seen WHERE key_hash = ?", (key_hash,)).fetchone()
        return None if row is None else int(row[0])

    def commit(
        self,
        places: Mapping[str, Place],
        seen: Mapping[bytes, int],
        renames: Iterable[Rename],
        newest_ns: int,
    ) -> None:
        """Everything up to `places` is shipped, for ever; `newest_ns` is the time of the last record.

        Keys are forgotten by the time of records, not by the clock: a spool may wait for days.
        """
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "INSERT OR REPLACE INTO place VALUES (?, ?, ?)",
                [(writer, place.segment, place.offset) for writer, place in places.items()],
            )
            self._db.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", list(seen.items()))
            self._db.executemany(
                "INSERT INTO rename VALUES (?, ?)", [(str(r.source), str(r.target)) for r in renames]
            )
            self._db.execute("DELETE FROM seen WHERE unix_ns < ?", (newest_ns - DAY_NS,))

    def forget_renames(self) -> None:
        """All files have their final names."""
        self._db.execute("DELETE FROM rename")

    def forget_writers(self, names: Iterable[str]) -> None:
        """The folders of these writers are gone."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("DELETE FROM place WHERE writer = ?", [(name,) for name in names])


def read_places(db: sqlite3.Connection) -> dict[str, Place]:
    """How far each writer was read, by the ledger behind `db`."""
    rows = db.execute('SELECT writer, segment, "offset" FROM place')
    return {writer: Place(segment, offset) for writer, segment, offset in rows}


def stored_places(spool: Path) -> dict[str, Place]:
    """How far each writer of `spool` was read, by its ledger; empty while there is none."""
    path = spool / SHIPPER_FOLDER / LEDGER_NAME
    if not path.exists():
        return {}
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2)
    try:
        return read_places(db)
    except sqlite3.OperationalError:
        # The ledger is being made just now.
        return {}
    finally:
        db.close()
