"""Real servers for tests, started in a folder of their own and gone afterwards."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
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


class PostgresqlServer:
    """A server whose data is in `folder`, which can be killed and started again on its data."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._data, self._port = folder, folder / "data", free_port()
        self.url = f"postgres://seldon@127.0.0.1:{self._port}/postgres"
        self._server: subprocess.Popen[bytes] | None = None
        self._data.mkdir()
        _hand_over(folder, self._data)
        initialise = [str(postgresql_programs() / "initdb"), "-D", str(self._data), *_CLUSTER]
        subprocess.run([*_as_other(), *initialise], check=True, stdout=subprocess.DEVNULL, timeout=120)

    def start(self) -> None:
        """Start it on the data that it left."""
        options = [word for name, value in _QUICK.items() for word in ("-c", f"{name}={value}")]
        listening = ("-h", "127.0.0.1", "-p", str(self._port), "-k", str(self._data))
        command = [str(postgresql_programs() / "postgres"), "-D", str(self._data), *listening, *options]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen([*_as_other(), *command], stdout=log, stderr=log, cwd=self._data)
        if not wait_until(lambda: _answers(self.url), timeout_seconds=60):
            raise TimeoutError((self._folder / "log").read_text())

    def kill(self) -> None:
        """At once, its children too; what was committed is in its log, from which the next start recovers."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """SIGINT disconnects who is still there; SIGTERM would wait for them."""
        self._end(signal.SIGINT)

    def _end(self, number: signal.Signals) -> None:
        if self._server is not None:
            self._server.send_signal(number)
            self._server.wait(60)


@contextlib.contextmanager
def postgresql_server(folder: Path) -> Iterator[PostgresqlServer]:
    """A running PostgreSQL; it ends with the block, or with this process."""
    server = PostgresqlServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL whose data is in `folder`, for the length of the block."""
    with postgresql_server(folder) as server:
        yield server.url


@contextlib.contextmanager
def database_for_a_machine(settings_url: str, template: str = "template1") -> Iterator[str]:
    """DATABASE_URL for a machine under test: a new database of that server; empty: SQLite in its folder."""
    if not settings_url:
        yield ""
        return
    name = f"machine_{os.urandom(6).hex()}"
    base = settings_url.rpartition("/")[0]
    _execute(settings_url, f"CREATE DATABASE {name} TEMPLATE {template}")
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
