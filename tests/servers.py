"""Real servers for tests, started in a folder of their own and gone afterwards."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg2

from deploy.waiting import wait_until

_DEBIAN: Final = Path("/usr/lib/postgresql")
_CLUSTER: Final = ("-U", "seldon", "--auth=trust", "-E", "UTF8", "--no-sync")
# Nothing of these databases needs to survive the machine.
_QUICK: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def postgresql_programs() -> Path:
    """The folder of Debian's newest PostgreSQL."""
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise FileNotFoundError("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1].parent


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL whose data is in `folder`; it ends with the block, or with this process."""
    data, port = folder / "data", free_port()
    data.mkdir()
    programs = postgresql_programs()
    _hand_over(folder, data)
    initialise = [str(programs / "initdb"), "-D", str(data), *_CLUSTER]
    subprocess.run([*_as_other(), *initialise], check=True, stdout=subprocess.DEVNULL, timeout=120)
    options = [word for name, value in _QUICK.items() for word in ("-c", f"{name}={value}")]
    listening = ("-h", "127.0.0.1", "-p", str(port), "-k", str(data))
    command = [str(programs / "postgres"), "-D", str(data), *listening]
    url = f"postgres://seldon@127.0.0.1:{port}/postgres"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*_as_other(), *command, *options], stdout=log, stderr=log, cwd=data)
    try:
        if not wait_until(lambda: _answers(url), timeout_seconds=60):
            raise TimeoutError((folder / "log").read_text())
        yield url
    finally:
        # SIGINT disconnects who is still there; SIGTERM would wait for them.
        server.send_signal(2)
        server.wait(60)


@contextlib.contextmanager
def database_for_a_machine(settings_url: str) -> Iterator[str]:
    """DATABASE_URL for a machine under test: a new database of that server; empty: SQLite in its folder."""
    if not settings_url:
        yield ""
        return
    name = f"machine_{os.urandom(6).hex()}"
    base = settings_url.rpartition("/")[0]
    _execute(settings_url, f"CREATE DATABASE {name}")
    try:
        yield f"{base}/{name}"
    finally:
        _execute(settings_url, f"DROP DATABASE {name} WITH (FORCE)")


def _as_other() -> list[str]:
    """PostgreSQL refuses to run as root; and it must end with us, however we end."""
    words = ["setpriv", "--pdeathsig", "INT"]
    if os.getuid() == 0:
        user = _other_user()
        words += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return words


def _other_user() -> pwd.struct_passwd:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")


def _hand_over(*folders: Path) -> None:
    for folder in folders:
        folder.chmod(0o700)
        if os.getuid() == 0:
            os.chown(folder, _other_user().pw_uid, _other_user().pw_gid)


def _answers(url: str) -> bool:
    try:
        psycopg2.connect(url, connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True


def _execute(url: str, statement: str) -> None:
    connection = psycopg2.connect(url, connect_timeout=5)
    connection.autocommit = True
    try:
        connection.cursor().execute(statement)
    finally:
        connection.close()
