"""An SQLite database in a backup: SQLite's own online copy, one moment of it while others write."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Final

from django.db import connection

from deploy.backup.archive import ArchiveWriter

NAME: Final = "database/seldon.sqlite3"
_BESIDE: Final = ("-wal", "-shm")


def dump(archive: ArchiveWriter) -> dict[str, list[str]]:
    """Add the database to `archive`."""
    copy = archive.scratch / "database.sqlite3"
    source = sqlite3.connect(f"{database_path().resolve().as_uri()}?mode=ro", uri=True, timeout=30)
    target = sqlite3.connect(copy)
    try:
        # All pages in one step: in WAL mode that is one reader, whom no writer disturbs.
        source.backup(target, pages=-1)
        target.execute("PRAGMA journal_mode=DELETE")
    finally:
        source.close()
        target.close()
    archive.add_file(NAME, copy)
    copy.unlink()
    return {}


def database_path() -> Path:
    """The file that the settings name."""
    return Path(connection.settings_dict["NAME"])


def database_files() -> list[Path]:
    """The file and what SQLite keeps beside it."""
    path = database_path()
    return [path, *(path.with_name(path.name + end) for end in _BESIDE)]


def load(staging: Path) -> None:
    """Put the database of an unpacked backup in its place; the former one must be out of the way."""
    target = database_path()
    target.parent.mkdir(parents=True, exist_ok=True)
    # It may lie on another disk than the data folder, and must appear as a whole there too.
    fresh = target.with_name(f".{target.name}.restored")
    shutil.move(staging / NAME, fresh)
    fresh.replace(target)
