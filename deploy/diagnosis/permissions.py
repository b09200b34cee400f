"""May this user write what it must, and nobody else read what they must not?"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings

from common.diagnosis import Finding, probe

_SECRETS: Final = ("secret_key",)
_MODES: Final = {"secret_key": 0o600}


@probe("permissions")
def look_at_data_folder() -> Iterator[Finding]:
    """permissions.open-folder, permissions.not-writable, permissions.folder, permissions.root"""
    data = Path(settings.SELDON_DATA)
    mode, owner = data.stat().st_mode, data.stat().st_uid
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        what = "everybody on this host may write the data folder"
        yield Finding("permissions.open-folder", "error", what, str(data), f"chmod o-w {data}")
    elif not os.access(data, os.W_OK):
        what = f"{_name_of(os.geteuid())} may not write the data folder"
        mend = f"chown {_name_of(os.geteuid())} {data}"
        yield Finding("permissions.not-writable", "error", what, str(data), mend)
    else:
        what = f"the data folder belongs to {_name_of(owner)}, mode {stat.S_IMODE(mode):04o}"
        yield Finding("permissions.folder", "fine", what, str(data))
    if os.geteuid() == 0 and owner != 0:
        mend = f"sudo -u {_name_of(owner)} seldon-cli …"
        what = f"you are root and the data belongs to {_name_of(owner)}: what you make, it cannot write"
        yield Finding("permissions.root", "note", what, str(data), mend)


@probe("permissions")
def look_at_secrets() -> Iterator[Finding]:
    """permissions.secret-readable"""
    data = Path(settings.SELDON_DATA)
    secrets = [data / name for name in _SECRETS]
    # The demonstration's keys lie where it was started.
    secrets += [Path.cwd() / ".run" / name for name in ("demo.json", "demo.last.json")]
    for path in secrets:
        if path.exists() and path.stat().st_mode & 0o077:
            what = f"others may read it (mode {stat.S_IMODE(path.stat().st_mode):04o})"
            yield Finding("permissions.secret-readable", "error", what, str(path), f"chmod 600 {path}")


@probe("permissions")
def look_at_database_file() -> Iterator[Finding]:
    """permissions.database-readable"""
    path = _database_file()
    if path is None or not path.exists():
        return
    if path.stat().st_mode & stat.S_IROTH and path.parent.stat().st_mode & stat.S_IXOTH:
        what = "everybody on this host may read the database (hashed secrets, audit log)"
        mend = f"chmod o-rwx {path.parent}"
        yield Finding("permissions.database-readable", "note", what, str(path), mend)


@probe("permissions")
def look_at_owners() -> Iterator[Finding]:
    """permissions.owner: what another user's process left in our folders."""
    data = Path(settings.SELDON_DATA)
    owner = data.stat().st_uid
    others = [path for path in _near(data) if path.lstat().st_uid != owner]
    if others:
        names = ", ".join(path.relative_to(data).as_posix() for path in others[:3])
        what = f"{len(others)} files do not belong to {_name_of(owner)}, such as {names}"
        mend = f"chown -R {_name_of(owner)} {data}"
        yield Finding("permissions.owner", "error", what, str(data), mend)


def _database_file() -> Path | None:
    database = settings.DATABASES["default"]
    return Path(database["NAME"]) if "sqlite" in database["ENGINE"] else None


def _near(data: Path) -> Iterator[Path]:
    """What lies up to two folders below `data`; hourly files lie deeper and are many."""
    for path in data.iterdir():
        yield path
        if path.is_dir() and not path.is_symlink() and os.access(path, os.R_OK | os.X_OK):
            yield from path.iterdir()


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
