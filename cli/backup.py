"""`seldon-cli backup` and `seldon-cli restore`: an installation in one file, and back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.context import json_option, lazy, on_terminal
from cli.output import print_json
from common.numbers import byte_size

if TYPE_CHECKING:
    from deploy.backup import making, restoring
    from deploy.backup.documents import Landed
    from deploy.backup.manifest import Manifest
    from deploy.backup.restoring import Restored
else:
    making = lazy("deploy.backup.making")
    restoring = lazy("deploy.backup.restoring")

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--with-files", is_flag=True, help="Also the hourly files and the clients' day folders.")
@click.option("--verify", is_flag=True, help="Read it again afterwards and compare every checksum.")
@json_option
def backup(target: Path, with_files: bool, verify: bool, as_json: bool) -> None:
    """Write a backup of this installation to TARGET, a new file or a folder; it may be running.

    Holds the database (clients, keys, configuration), the secret key if it was made here, and every event
    that is in no hourly file yet. The file is readable by its owner alone.

    \b
    Examples:
      seldon-cli backup /backups
      seldon-cli backup --with-files --verify /backups/before-upgrade.tar.gz
    """
    path = target / making.backup_name() if target.is_dir() else target
    if not path.parent.is_dir():
        raise click.UsageError(f"{path.parent} is no folder: make it first")
    told = Telling(as_json)
    manifest = making.make_backup(path, with_files=with_files, progress=told.note)
    told.end()
    if verify:
        restoring.verify_backup(path, told.note)
        told.end()
    _tell_of(path, manifest, as_json, verified=verify)


@click.command()
@click.argument("source", type=_FILE)
@click.option("--verify", is_flag=True, help="Only say whether it is whole and can be restored here.")
@click.option(
    "--force", is_flag=True, help="Replace what is there; files and an SQLite database are put aside."
)
@click.option("--without-events", is_flag=True, help="Leave spool and hourly files as they are.")
@click.option(
    "--overwrite-documents", is_flag=True, help="Also documents that were written in ZooKeeper since then."
)
@json_option
def restore(
    source: Path, verify: bool, force: bool, without_events: bool, overwrite_documents: bool, as_json: bool
) -> None:
    """Make the backup SOURCE the installation that SELDON_DATA and DATABASE_URL name.

    The machine must be stopped, and the place empty unless --force is given. Nothing is touched before every
    checksum was compared. A backup of an older version is brought up to date. Documents that lived in
    ZooKeeper are written where CONFIG_STORE says, as next versions; what is newer there stays.

    \b
    Examples:
      seldon-cli restore --verify /backups/seldon-backup-20261125T080000Z.tar.gz
      SELDON_DATA=/srv/seldon seldon-cli restore /backups/seldon-backup-20261125T080000Z.tar.gz
    """
    told = Telling(as_json)
    if verify:
        manifest = restoring.verify_backup(source, told.note)
        told.end()
        _tell_of(source, manifest, as_json, verified=True)
        return
    done = restoring.restore_backup(
        source,
        force=force,
        with_events=not without_events,
        with_newer_documents=overwrite_documents,
        progress=told.note,
    )
    told.end()
    _tell_restored(done, as_json)


class Telling:
    """Shows on a terminal how far it is; says nothing elsewhere."""

    def __init__(self, is_silent: bool) -> None:
        self._is_shown = on_terminal() and not is_silent
        self._files = 0
        self._bytes = 0

    def note(self, name: str, size: int) -> None:
        """One more file is done."""
        self._files += 1
        self._bytes += size
        if self._is_shown:
            words = f"  {self._files} files, {byte_size(self._bytes, ' ')}  {name}"
            click.echo(f"\r\x1b[K{words[:100]}", nl=False)

    def end(self) -> None:
        """All are."""
        if self._is_shown:
            click.echo("\r\x1b[K", nl=False)
        self._files = self._bytes = 0


def _tell_of(path: Path, manifest: Manifest, as_json: bool, *, verified: bool) -> None:
    size = path.stat().st_size
    record = {"file": str(path), "bytes": size, **_summary(manifest), "verified": verified}
    if as_json:
        print_json(record)
        return
    click.echo(
        f"{click.style(str(path), bold=True)}  {byte_size(size, ' ')}{', verified' if verified else ''}"
    )
    made = f"{manifest.database} of version {manifest.product}, made {manifest.made_at}"
    click.echo(f"  {made}, {len(manifest.files)} files")
    for line in _warnings(manifest):
        click.secho(f"  {line}", fg="yellow", err=True)


def _summary(manifest: Manifest) -> dict[str, Any]:
    return {
        "product": manifest.product,
        "made_at": manifest.made_at,
        "database": manifest.database,
        "files": len(manifest.files),
        "has_secret_key": manifest.has_secret_key,
        "has_files": manifest.has_files,
        "documents": manifest.documents,
    }


def _warnings(manifest: Manifest) -> list[str]:
    lines = []
    if not manifest.has_secret_key:
        lines.append("SECRET_KEY comes from the environment and is not in it: keep it elsewhere")
    if not manifest.has_files:
        lines.append("hourly files and day folders are not in it (--with-files)")
    if manifest.documents == "stale":
        lines.append("ZooKeeper is away: its configuration documents are in it as they were last known")
    if manifest.config_store == "zookeeper" and not manifest.documents:
        lines.append("configuration documents live in ZooKeeper and are not in it")
    return lines


def _tell_restored(done: Restored, as_json: bool) -> None:
    aside = str(done.aside) if done.aside else None
    if as_json:
        landed = asdict(done.documents) if done.documents else None
        print_json(
            {**_summary(done.manifest), "migrations": done.migrations, "aside": aside, "landed": landed}
        )
        return
    click.secho(f"restored as of {done.manifest.made_at}", fg="green")
    if done.migrations:
        click.echo(f"  database brought up to date: {done.migrations} migrations")
    if aside:
        click.echo(f"  what was there before is in {aside}")
    if done.has_other_key:
        words = "SECRET_KEY is not the one of then: sessions of the console end; set that one to keep them"
        click.secho(f"  {words}", fg="yellow", err=True)
    if done.documents:
        _tell_landed(done.documents)
    click.echo("  start it: seldon-cli serve")


def _tell_landed(landed: Landed) -> None:
    click.echo(f"  configuration documents: {len(landed.written)} written, {landed.same} the same")
    for path in landed.newer:
        told = f"  {path} was written since the backup and stays (--overwrite-documents)"
        click.secho(told, fg="yellow", err=True)
    for path, reason in landed.failed.items():
        click.secho(f"  {path} was not restored: {reason}", fg="red", err=True)
