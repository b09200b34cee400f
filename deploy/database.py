"""The database before the first request: brought up to date where it is ours alone, else only looked at."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Final

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from deploy.errors import NotMigratedError

# Any number that no other program of ours locks.
_LOCK: Final = 7_365_646_111


@contextlib.contextmanager
def migrating_alone() -> Iterator[None]:
    """Meanwhile another machine that would migrate the same PostgreSQL waits."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def prepare_database() -> int:
    """Migrate an embedded SQLite and return how many migrations it took; 0 when all is up to date.

    A server's database is shared by machines, so changing it is a step of its own: NotMigratedError.
    """
    missing = missing_migrations()
    if missing and connection.vendor != "sqlite":
        raise NotMigratedError(missing)
    if missing:
        call_command("migrate", verbosity=0, interactive=False)
    connection.close()
    return missing


def missing_migrations() -> int:
    """How many migrations of this version the database lacks."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def has_rows(tables: Iterable[str]) -> bool:
    """Whether any of these tables of ours is there and holds something."""
    there = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for table in set(tables) & there:
            cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(table)} LIMIT 1")  # noqa: S608
            if cursor.fetchone():
                return True
    return False
