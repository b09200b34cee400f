"""Makes a backup of an installation, also while it runs."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from common import clock
from common.version import VERSION
from deploy.backup import documents, postgresql, sqlite
from deploy.backup.archive import ArchiveWriter, Progress, new_archive
from deploy.backup.manifest import Manifest, fingerprint
from deploy.errors import NothingToBackUpError
from events.parts import logs_folder, spool_folder
from events.shipping.freezing import OpenSegment, SpoolMoment, take_moment

KEY_FILE: Final = "secret_key"
SPOOL: Final = "spool"
LEDGER: Final = "spool/.shipper/ledger.sqlite3"
FILES: Final = ("logs", "seldon-models")


def backup_name() -> str:
    """What a backup made now is called in a folder of many."""
    return f"seldon-backup-{clock.now():%Y%m%dT%H%M%SZ}.tar.gz"


def make_backup(target: Path, *, with_files: bool, progress: Progress) -> Manifest:
    """Write the backup `target` and return its manifest.

    Every event acknowledged before the call is in it, in the spool or, `with_files`, in an hourly file.
    Raises BackupExistsError, NothingToBackUpError, ConfigUnavailableError, OSError.
    """
    if connection.vendor == "sqlite" and not sqlite.database_path().exists():
        raise NothingToBackUpError(sqlite.database_path())
    _allow_many_files()
    with new_archive(target, progress) as archive:
        ledger = archive.scratch / "ledger.sqlite3"
        # The spool first: so every client that its events name is in the database that comes after it.
        moment = take_moment(spool_folder(), logs_folder(), ledger)
        try:
            tables = _database().dump(archive)
            _add_spool(archive, moment, ledger)
        finally:
            moment.close()
        kept = documents.dump(archive)
        has_key = _add_secret_key(archive)
        if with_files:
            _add_files(archive, moment)
        manifest = _manifest(tables, has_key=has_key, with_files=with_files)
        return archive.finish(replace(manifest, documents=kept))


def _manifest(tables: dict[str, list[str]], *, has_key: bool, with_files: bool) -> Manifest:
    return Manifest(
        product=VERSION,
        made_at=clock.now().isoformat(timespec="seconds"),
        database=connection.vendor,
        migrations=applied_migrations(),
        secret_key_fingerprint=fingerprint(settings.SECRET_KEY),
        has_secret_key=has_key,
        has_files=with_files,
        config_store=settings.CONFIG_STORE.partition(":")[0],
        tables=tables,
    )


def applied_migrations() -> dict[str, list[str]]:
    """What the database says was applied, by app."""
    found: dict[str, list[str]] = {}
    for app, name in sorted(MigrationRecorder(connection).applied_migrations()):
        found.setdefault(app, []).append(name)
    return found


class _Database(Protocol):
    def dump(self, archive: ArchiveWriter) -> dict[str, list[str]]: ...


def _database() -> _Database:
    return sqlite if connection.vendor == "sqlite" else postgresql


def _add_spool(archive: ArchiveWriter, moment: SpoolMoment, ledger: Path) -> None:
    for segment in moment.segments:
        archive.add(f"{SPOOL}/{segment.name}", _Segment(segment), segment.size)
    if moment.has_ledger:
        archive.add_file(LEDGER, ledger)


def _add_secret_key(archive: ArchiveWriter) -> bool:
    """The key that was made at the first start; one from the environment is kept where it came from."""
    path = Path(settings.SELDON_DATA) / KEY_FILE
    if not path.exists() or path.read_text().strip() != settings.SECRET_KEY:
        return False
    archive.add_file(KEY_FILE, path)
    return True


def _add_files(archive: ArchiveWriter, moment: SpoolMoment) -> None:
    data = Path(settings.SELDON_DATA)
    for rename in moment.pending:
        source = rename.source if rename.source.exists() else rename.target
        archive.add_file(rename.target.relative_to(data).as_posix(), source)
    pending = {rename.target for rename in moment.pending}
    for path in [*moment.hourly, *_day_files(data / FILES[1])]:
        # Retention may delete an hourly file meanwhile, as it would have an hour later.
        if path not in pending and path.exists():
            archive.add_file(path.relative_to(data).as_posix(), path)


def _day_files(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _allow_many_files() -> None:
    """Each segment that is not shipped is held open for a while; a long backlog has thousands."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _Segment:
    """Reads an open segment from its beginning, as far as it went at the moment."""

    def __init__(self, segment: OpenSegment) -> None:
        self._segment = segment
        self._offset = 0

    def read(self, size: int = -1) -> bytes:
        left = self._segment.size - self._offset
        data = os.pread(self._segment.descriptor, left if size < 0 else min(size, left), self._offset)
        self._offset += len(data)
        return data
