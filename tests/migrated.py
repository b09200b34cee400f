"""Migrated databases for machines under test: each process migrates one, which is copied from then on."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from tests.servers import database_for_a_machine

ROOT: Final = Path(__file__).parents[1]


@contextlib.contextmanager
def migrated_database(settings_url: str, data: Path) -> Iterator[str]:
    """DATABASE_URL of a migrated database of that kind; empty: SQLite in the folder `data`."""
    if settings_url:
        with database_for_a_machine(settings_url, template=_postgresql_template(settings_url)) as url:
            yield url
    else:
        copy_sqlite(data / "seldon.sqlite3")
        yield ""


def copy_sqlite(target: Path) -> None:
    """Puts a migrated SQLite database at `target`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_sqlite_template(), target)


@cache
def _sqlite_template() -> Path:
    folder = _kept(tempfile.TemporaryDirectory(prefix="seldon-migrated-"))
    _migrate(Path(folder), "")
    return Path(folder) / "seldon.sqlite3"


@cache
def _postgresql_template(settings_url: str) -> str:
    url = _kept(database_for_a_machine(settings_url))
    with tempfile.TemporaryDirectory(prefix="seldon-migrated-") as data:
        _migrate(Path(data), url)
    return url.rpartition("/")[2]


def _kept(manager: contextlib.AbstractContextManager[str]) -> str:
    """What `manager` gives, until this process ends."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(manager)


def _migrate(data: Path, database_url: str) -> None:
    own = {
        "SELDON_DATA": str(data),
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "seldon_api.settings",
    }
    command = [sys.executable, "-m", "django", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **own}, check=True, timeout=120)
