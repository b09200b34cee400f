"""Is the database there, up to date, quick, in the right mode, and does its clock agree with ours?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from common import clock
from common.diagnosis import Finding, Severity, probe
from common.numbers import byte_size, duration, span
from stores.presence import has_database

_SLOW_SECONDS: Final = 0.05
_CLOCK_WARNING_SECONDS: Final = 2.0
_CLOCK_ERROR_SECONDS: Final = 30.0
_LARGE_WAL_BYTES: Final = 256 << 20


@probe("database")
def look_at_database() -> Iterator[Finding]:
    """All findings of the area; the later ones only when the database answers."""
    missing = _missing_file()
    if missing is not None:
        yield missing
        return
    try:
        yield from _look_inside()
    except DatabaseError as error:
        yield unreachable(error)
    finally:
        connection.close()


def unreachable(error: Exception) -> Finding:
    """database.unreachable"""
    text = str(error).strip().partition("\n")[0] or type(error).__name__
    if connection.vendor == "sqlite":
        mend = f"see who may read and write {_path()}; a damaged file comes back with `seldon-cli restore`"
    else:
        mend = "start the server, or mend DATABASE_URL; known tokens go on meanwhile"
    return Finding("database.unreachable", "error", f"does not answer: {text}", where(), mend)


def where() -> str:
    """The database without its password."""
    if connection.vendor == "sqlite":
        return str(_path())
    found = connection.settings_dict
    return f"{found['USER']}@{found['HOST'] or 'socket'}:{found['PORT'] or 5432}/{found['NAME']}"


def _path() -> Path:
    return Path(connection.settings_dict["NAME"])


def _missing_file() -> Finding | None:
    """database.none"""
    if has_database():
        return None
    mend = "seldon-cli migrate (or `seldon-cli serve`, which does it itself)"
    return Finding("database.none", "note", "there is none yet", where(), mend)


def _look_inside() -> Iterator[Finding]:
    yield _latency()
    yield from _schema()
    if connection.vendor == "sqlite":
        yield from _sqlite()
    else:
        yield from _postgresql()


def _latency() -> Finding:
    """database.answers, database.slow"""
    connection.ensure_connection()
    took = sorted(_timed_select() for _ in range(5))[2]
    if took > _SLOW_SECONDS:
        mend = "see what else works on it, and how far away it is"
        return Finding("database.slow", "warning", f"takes {duration(took, ' ')} to answer", where(), mend)
    words = f"{connection.display_name} answers in {duration(took, ' ')}, {byte_size(_size(), ' ')}"
    return Finding("database.answers", "fine", words, where())


def _timed_select() -> float:
    began = clock.perf_counter()
    _value("SELECT 1")
    return clock.perf_counter() - began


def _size() -> int:
    if connection.vendor == "sqlite":
        return _path().stat().st_size
    return int(_value("SELECT pg_database_size(current_database())"))


def _schema() -> Iterator[Finding]:
    """database.migrated, database.not-migrated, database.newer"""
    loader = MigrationLoader(connection)
    known, applied = set(loader.disk_migrations), set(loader.applied_migrations)
    ours = {app for app, _ in known}
    newer = sorted(f"{app}.{name}" for app, name in applied - known if app in ours)
    missing = known - applied
    if newer:
        what = (
            f"was written by a newer version: {', '.join(newer[:3])} {'…' if len(newer) > 3 else ''}".strip()
        )
        mend = "install that version again, or restore a backup of this one"
        yield Finding("database.newer", "error", what, where(), mend)
    if missing:
        what = f"lacks {len(missing)} migrations"
        yield Finding("database.not-migrated", "error", what, where(), "seldon-cli migrate")
    if not newer and not missing:
        yield Finding("database.migrated", "fine", f"{len(applied)} migrations, all applied", where())


def _sqlite() -> Iterator[Finding]:
    """database.not-wal, database.large-wal, database.damaged"""
    mode = str(_value("PRAGMA journal_mode"))
    if mode != "wal":
        mend = "put it on a local disk: over a network SQLite cannot share memory between processes"
        yield Finding(
            "database.not-wal", "warning", f"journal mode is {mode}, so readers wait", where(), mend
        )
    wal = _path().with_name(f"{_path().name}-wal")
    if wal.exists() and wal.stat().st_size > _LARGE_WAL_BYTES:
        size = byte_size(wal.stat().st_size, " ")
        mend = "end what keeps a transaction open; restarting the machine folds it in"
        yield Finding("database.large-wal", "warning", f"its log has grown to {size}", str(wal), mend)
    problem = str(_value("PRAGMA quick_check(1)"))
    if problem != "ok":
        mend = "stop the machine, keep a copy of the file, then `seldon-cli restore`"
        yield Finding("database.damaged", "error", f"is damaged: {problem}", where(), mend)


def _postgresql() -> Iterator[Finding]:
    """database.clock, database.connections"""
    began = clock.now()
    theirs = _value("SELECT clock_timestamp()")
    ended = clock.now()
    apart = abs((theirs - began - (ended - began) / 2).total_seconds())
    if apart > _CLOCK_WARNING_SECONDS:
        severity: Severity = "error" if apart > _CLOCK_ERROR_SECONDS else "warning"
        what = f"its clock and ours are {span(apart)} apart"
        mend = "run a time service on both: `timedatectl set-ntp true`"
        yield Finding("database.clock", severity, what, where(), mend)
    used, most = _value("SELECT count(*) FROM pg_stat_activity"), int(_value("SHOW max_connections"))
    if used > 0.8 * most:
        mend = "raise max_connections, or lower SELDON_WORKERS"
        yield Finding(
            "database.connections", "warning", f"{used} of {most} connections are used", where(), mend
        )


def _value(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return row[0] if row else None


@probe("settings")
def look_at_database_url() -> Iterator[Finding]:
    """settings.password-in-environment"""
    if connection.settings_dict["PASSWORD"] and _is_from_environment():
        what = "DATABASE_URL holds a password, which stands in the environment of every process"
        mend = "put it into a file that only this user can read and set DATABASE_URL_FILE"
        yield Finding("settings.password-in-environment", "note", what, "DATABASE_URL", mend)


def _is_from_environment() -> bool:
    return b"\0DATABASE_URL=" in b"\0" + Path("/proc/self/environ").read_bytes()
