"""Makes an installation out of a backup."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from common import clock
from common.version import VERSION
from deploy.backup import documents, postgresql, sqlite
from deploy.backup.archive import Progress, read_archive
from deploy.backup.documents import Landed
from deploy.backup.making import FILES, KEY_FILE, SPOOL
from deploy.backup.manifest import Manifest, fingerprint
from deploy.database import has_rows, missing_migrations
from deploy.errors import BackupUnusableError, NotEmptyError
from deploy.lock import machine_lock
from events.shipping.writers import list_writers

_OF_WORTH: Final = ("clients_client", "auth_user")


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it; `aside` is the folder of what was there before, if anything was."""

    manifest: Manifest
    migrations: int
    aside: Path | None
    has_other_key: bool
    documents: Landed | None


def verify_backup(path: Path, progress: Progress) -> Manifest:
    """The manifest of a backup that is whole and that this version can restore here; changes nothing."""
    manifest = read_archive(path, None, progress)
    check_usable(manifest)
    return manifest


def restore_backup(
    path: Path, *, force: bool, with_events: bool, with_newer_documents: bool, progress: Progress
) -> Restored:
    """Put the backup `path` into the data folder and database of the settings, and migrate them.

    Without `force` only where nothing of worth is: NotEmptyError. Nothing is changed before the whole
    backup was compared with its checksums. Documents that it holds go where CONFIG_STORE says. Raises
    AlreadyRunningError, BackupUnusableError, ConfigUnavailableError.
    """
    data = Path(settings.SELDON_DATA)
    with machine_lock(data), _staging(data) as staging:
        manifest = read_archive(path, staging, progress)
        check_usable(manifest)
        if manifest.documents:
            documents.check_store()
        there = _what_is_there(data, with_events=with_events)
        if there and not force:
            raise NotEmptyError(there)
        aside = _put_aside(data, manifest, with_events=with_events) if there else None
        _put_in_place(data, staging, manifest, with_events=with_events)
        missing = missing_migrations()
        call_command("migrate", verbosity=0, interactive=False)
        landed = documents.load(staging, with_newer=with_newer_documents) if manifest.documents else None
        connection.close()
    return Restored(manifest, missing, aside, _has_other_key(data, manifest), landed)


def check_usable(manifest: Manifest) -> None:
    """Raises BackupUnusableError when this version, with these settings, cannot take it."""
    if manifest.database != connection.vendor:
        hint = "set DATABASE_URL to one" if manifest.database == "postgresql" else "unset DATABASE_URL"
        here = f"the settings name one of {connection.vendor}: {hint}"
        raise BackupUnusableError(f"it holds a database of {manifest.database}, {here}")
    known = set(MigrationLoader(None).disk_migrations)
    apps = {app for app, _ in known}
    newer = [f"{app}.{name}" for app, names in manifest.migrations.items() for name in names
             if app in apps and (app, name) not in known]  # fmt: skip
    if newer:
        raise BackupUnusableError(
            f"it was made by version {manifest.product} and this one, {VERSION}, does not know {newer[0]}: "
            "install that version or a later one"
        )


def _what_is_there(data: Path, *, with_events: bool) -> str:
    """What of worth a restore would replace, in words; empty when there is nothing."""
    has_database = connection.vendor != "sqlite" or sqlite.database_path().exists()
    found = ["a database with clients or operators"] if has_database and has_rows(_OF_WORTH) else []
    if with_events and any(writer.segments for writer in list_writers(data / SPOOL)[0]):
        found.append("events in the spool")
    if with_events and any((data / FILES[0]).glob("*.*/*/*/*/*")):
        found.append("hourly files")
    connection.close()
    return " and ".join(found)


def _put_aside(data: Path, manifest: Manifest, *, with_events: bool) -> Path:
    """Move what would be replaced into a folder of its own, so that a wrong backup harms nobody."""
    aside = data / f"before-restore-{clock.now():%Y%m%dT%H%M%SZ}"
    aside.mkdir(mode=0o700)
    doomed = [data / SPOOL, data / "run" / "idempotency.sqlite3"] if with_events else []
    doomed += [data / name for name in FILES] if manifest.has_files and with_events else []
    doomed += [data / KEY_FILE] if manifest.has_secret_key else []
    for path in doomed:
        if path.exists():
            path.rename(aside / path.name)
    if connection.vendor == "sqlite":
        for path in sqlite.database_files():
            if path.exists():
                shutil.move(path, aside / path.name)
    return aside


def _put_in_place(data: Path, staging: Path, manifest: Manifest, *, with_events: bool) -> None:
    if connection.vendor == "sqlite":
        for path in sqlite.database_files():
            path.unlink(missing_ok=True)
        sqlite.load(staging)
    else:
        postgresql.load(staging, manifest.tables, manifest.migrations)
    if manifest.has_secret_key:
        (staging / KEY_FILE).replace(data / KEY_FILE)
    for name in (SPOOL, *FILES) if with_events else ():
        if (staging / name).exists():
            _move_in(staging / name, data / name)


def _move_in(source: Path, target: Path) -> None:
    """The folder `source` as `target`; an empty one that a start made there already is replaced."""
    if target.exists():
        shutil.rmtree(target)
    for path in [source, *source.rglob("*")]:
        path.chmod(0o750 if path.is_dir() else 0o640)
    source.rename(target)


def _has_other_key(data: Path, manifest: Manifest) -> bool:
    path = data / KEY_FILE
    now = path.read_text().strip() if manifest.has_secret_key else settings.SECRET_KEY
    return fingerprint(now) != manifest.secret_key_fingerprint


@contextmanager
def _staging(data: Path) -> Iterator[Path]:
    """A folder on the disk of the data folder, gone afterwards."""
    folder = data / f".restore-{os.getpid()}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
