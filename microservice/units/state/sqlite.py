"""Shared sums in a SQLite file: for the workers and units of one machine."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from microservice.units.state.base import StateError, Sums

FILE = "state.sqlite3"
TABLE = "CREATE TABLE IF NOT EXISTS sums (name TEXT, place INTEGER, value REAL, PRIMARY KEY (name, place))"
ADD = "INSERT INTO sums VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value"
READ = "SELECT place, value FROM sums WHERE name = ? AND place < ?"
WAIT_SECONDS = 5.0


class SqliteSums:
    """Sums in the file `state.sqlite3` of a folder; they survive the death of every process at any moment.

    The last ones before a power cut may be lost: adding does not wait for the disk.
    """

    def __init__(self, folder: Path, key: str, size: int) -> None:
        self.place = str(folder / FILE)
        self._key = key
        self._size = size
        self._own = threading.local()
        with self._opened(folder):
            pass

    def read(self) -> Sums:
        """Return the sums."""
        sums = np.zeros(self._size)
        with self._opened() as connection:
            for place, value in connection.execute(READ, (self._key, self._size)):
                sums[place] = value
        return sums

    def add(self, amounts: Sums) -> None:
        """Add to the sums, all places in one transaction."""
        rows = [(self._key, int(place), float(amounts[place])) for place in amounts.nonzero()[0]]
        with self._opened() as connection, connection:
            connection.executemany(ADD, rows)

    @contextmanager
    def _opened(self, folder: Path | None = None) -> Iterator[sqlite3.Connection]:
        """Hand out this thread's connection (SQLite's are of one thread each); names what goes wrong."""
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            if not hasattr(self._own, "connection"):
                self._own.connection = connect(self.place)
            yield self._own.connection
        except (sqlite3.Error, OSError) as error:
            raise StateError(f"{self.place}: {error}") from error


def connect(file: str) -> sqlite3.Connection:
    """Return a connection that waits for other writers, to a file that readers can read meanwhile."""
    connection = sqlite3.connect(file, timeout=WAIT_SECONDS)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(TABLE)
    return connection
