"""PostgreSQL in a backup: each table by COPY, all in one snapshot; no client program is needed.

Restoring makes the tables by the migrations that the backup names, fills them, and migrates on from there. So
any version from the one that made the backup on can read it, and the server's version does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from deploy.backup.archive import ArchiveWriter

_FOLDER: Final = "database"
_MIGRATIONS: Final = "django_migrations"
_COPY_BYTES: Final = 1 << 20


def dump(archive: ArchiveWriter) -> dict[str, list[str]]:
    """Add every table to `archive`; their columns."""
    columns: dict[str, list[str]] = {}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for table in our_tables():
            columns[table] = _columns(cursor, table)
            copy = archive.scratch / "table"
            with copy.open("wb") as file:
                cursor.copy_expert(f"COPY {_named(table, columns[table])} TO STDOUT", file, _COPY_BYTES)
            archive.add_file(f"{_FOLDER}/{table}.copy", copy)
    return columns


def our_tables() -> list[str]:
    """The tables of our apps that are there, and of Django's migrations."""
    there = set(connection.introspection.table_names())
    ours = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return sorted({*ours, _MIGRATIONS} & there)


def load(staging: Path, tables: dict[str, list[str]], migrations: dict[str, list[str]]) -> None:
    """Replace our tables by those of an unpacked backup; they are as its version left them then."""
    with transaction.atomic(), connection.cursor() as cursor:
        doomed = sorted({*our_tables(), *tables})
        cursor.execute(f"DROP TABLE IF EXISTS {', '.join(map(_quoted, doomed))} CASCADE")
    executor = MigrationExecutor(connection)
    executor.migrate(_leaves(executor, migrations))
    with transaction.atomic(), connection.cursor() as cursor:
        # Some migrations put rows into their tables themselves.
        cursor.execute(f"TRUNCATE {', '.join(_quoted(table) for table in tables)} CASCADE")
        for table, columns in tables.items():
            with (staging / _FOLDER / f"{table}.copy").open("rb") as file:
                cursor.copy_expert(f"COPY {_named(table, columns)} FROM STDIN", file, _COPY_BYTES)
        _count_on(cursor, tables)


def _leaves(executor: MigrationExecutor, migrations: dict[str, list[str]]) -> list[tuple[str, str]]:
    """The last of the applied migrations of each app: from a node before it Django would migrate back."""
    applied = {(app, name) for app, names in migrations.items() for name in names}
    graph = executor.loader.graph
    return [
        node
        for node in sorted(applied & graph.nodes.keys())
        if not any(
            child.key in applied and child.key[0] == node[0] for child in graph.node_map[node].children
        )
    ]


def _count_on(cursor: Any, tables: dict[str, list[str]]) -> None:
    """Set the sequence behind each identity column past its largest number."""
    cursor.execute(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND (is_identity = 'YES' OR column_default LIKE 'nextval(%%')",
    )
    for table, column in [row for row in cursor.fetchall() if row[0] in tables]:
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence(%s, %s), coalesce(max({_quoted(column)}), 0) + 1, false) "  # noqa: S608
            f"FROM {_quoted(table)}",
            [_quoted(table), column],
        )


def _columns(cursor: Any, table: str) -> list[str]:
    cursor.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND table_name = %s ORDER BY ordinal_position",
        [table],
    )
    return [row[0] for row in cursor.fetchall()]


def _named(table: str, columns: Sequence[str]) -> str:
    return f"{_quoted(table)} ({', '.join(map(_quoted, columns))})"


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
