"""Whether there is a database to ask at all: looking must not make an empty one."""

from __future__ import annotations

from pathlib import Path

from django.db import connection


def has_database() -> bool:
    """False while SQLite's file is not there; of a server nobody can tell without asking it."""
    return connection.vendor != "sqlite" or Path(connection.settings_dict["NAME"]).exists()
