"""A whole machine in a folder of its own, started and stopped as people do."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from deploy.status import MachineStatus, PartStatus, read_status, start_ticks
from deploy.waiting import answers, wait_until
from tests.migrated import copy_sqlite, migrated_database
from tests.servers import free_port

ROOT: Final = Path(__file__).resolve().parents[2]
START_SECONDS: Final = 60
# Of a machine under load on a busy computer; what is waited for comes much sooner.
WAIT_SECONDS: Final = 40


@dataclass
class Place:
    """A data folder with its database; commands run in it, and machines."""

    folder: Path
    database_url: str
    # Of what is not as it is with nothing configured.
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """SELDON_DATA."""
        return self.folder / "data"

    @property
    def environment(self) -> dict[str, str]:
        """The variables of everything that runs here."""
        own = {
            "SELDON_DATA": str(self.data),
            "DATABASE_URL": self.database_url,
            "SELDON_PORT": "0",
            "SELDON_WORKERS": "2",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "default",
        }
        return {**os.environ, **own, **self.variables}

    def migrate(self) -> None:
        """Has the database migrated before the first command does it, or a machine."""
        if not self.database_url:
            copy_sqlite(self.data / "seldon.sqlite3")

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            self.command(*words), env=self.environment, cwd=self.folder, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

    def cli_json(self, *words: str) -> Any:
        """What a command that must succeed prints as JSON."""
        done = self.cli(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def command(self, *words: str) -> list[str]:
        """The command line of `seldon-cli <words>`."""
        return [sys.executable, "-m", "cli.main", *words]

    @contextlib.contextmanager
    def running(self, *words: str, **variables: str) -> Iterator[Running]:
        """`seldon-cli <words>` while the block runs; killed afterwards if it still lives."""
        with (self.folder / "output").open("wb") as output:
            process = subprocess.Popen(
                self.command(*words), env={**self.environment, **variables}, cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        running = Running(self, process)
        try:
            yield running
        finally:
            running.end()


@dataclass
class Running:
    """A machine under way."""

    place: Place
    process: subprocess.Popen[bytes]

    def status(self) -> MachineStatus | None:
        """What this machine's supervisor wrote last."""
        status = read_status(self.place.data / "run")
        return status if status and status.supervisor == self.process.pid else None

    def part(self, name: str) -> PartStatus:
        """The part, once the supervisor knows it and it runs."""
        self.until(lambda: any(part.name == name and part.pid for part in self.parts()))
        return next(part for part in self.parts() if part.name == name)

    def parts(self) -> tuple[PartStatus, ...]:
        """All parts the supervisor told of."""
        status = self.status()
        return status.parts if status else ()

    def url(self) -> str:
        """Where it listens; waits until it is ready."""
        self.until(lambda: (status := self.status()) is not None and answers(f"{status.url}/readyz"))
        status = self.status()
        assert status is not None
        return status.url

    def until(self, claim: Any, seconds: float = WAIT_SECONDS) -> None:
        """Wait for `claim`; fails with what the machine said."""
        assert wait_until(claim, seconds), self.report()

    def kill_part(self, name: str) -> PartStatus:
        """`kill -9` the part and return it as it is once it was started again."""
        before = self.part(name)
        assert before.pid is not None
        os.kill(before.pid, signal.SIGKILL)
        self.until(lambda: self.part(name).restarts > before.restarts)
        return self.part(name)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = WAIT_SECONDS) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def output(self) -> str:
        """All it printed."""
        return (self.place.folder / "output").read_text()

    def report(self) -> str:
        """All it and its parts said, for a failed claim."""
        logs = sorted((self.place.data / "run").glob("*/*.log"))
        return "\n".join([self.output(), *(f"-- {log}\n{log.read_text()}" for log in logs)])

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        left = [part.pid for part in self.parts() if part.pid]
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(WAIT_SECONDS)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


@dataclass
class Installation:
    """A place with a port of its own, whose machine is stopped and started as an operator does."""

    place: Place
    variables: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    machine: Running | None = None
    _kept: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def url(self) -> str:
        """Where it listens, when it does."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Running:
        """The machine, which is ready."""
        if self.machine is None:
            words = self.place.running("serve", SELDON_PORT=str(self.port), **self.variables)
            self.machine = self._kept.enter_context(words)
            self.machine.url()
        return self.machine

    def stop(self) -> None:
        """Stop it in order."""
        if self.machine is not None:
            assert self.machine.stop() == 0, self.machine.report()
            self.forget()

    def kill(self) -> None:
        """`kill -9` the supervisor; its parts end by themselves."""
        assert self.machine is not None
        self.machine.process.kill()
        self.machine.process.wait(WAIT_SECONDS)
        self.machine = None

    def forget(self) -> None:
        """Leave nothing behind, however it ended."""
        self.machine = None
        self._kept.close()

    def make_js_key(self, client: str, origin: str) -> str:
        """A key for pages of `origin`."""
        words = ("--client", client, "--kind", "js", "--origin", origin)
        return str(self.place.cli_json("keys", "create", *words)["key"])


def is_gone(pid: int | None) -> bool:
    """True when no process of that number lives."""
    return pid is None or start_ticks(pid) is None


@contextlib.contextmanager
def new_place(folder: Path, database_url: str, **variables: str) -> Iterator[Place]:
    """An empty data folder below `folder`; a PostgreSQL is migrated, an SQLite is made when it is needed."""
    with migrated_database(database_url, folder) if database_url else contextlib.nullcontext("") as url:
        yield Place(folder, url, variables)


def fetch_json(url: str, token: str = "", body: bytes | None = None) -> Any:
    """The JSON that a call is answered with."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=WAIT_SECONDS) as reply:
        return json.load(reply)


def post_event(url: str, token: str, event: Any, key: str = "") -> tuple[int, bytes]:
    """Status and body of the answer to one event, or a list of them; 0 when there is none."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    if key:
        headers["Idempotency-Key"] = key
    connection = HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.request("POST", "/events", json.dumps(event), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException):
        return 0, b""
    finally:
        connection.close()
