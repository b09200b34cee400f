"""Servers in processes of their own, started as production starts them: with a listening socket."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import cpu_seconds, rss_mib

ROOT = Path(__file__).resolve().parent.parent
_READY_SECONDS = 60.0


@dataclass
class Server:
    """One running server process and the port it answers at."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """CPU time it and its threads have used."""
        return cpu_seconds(self.process.pid)

    def rss_mib(self) -> float:
        """Resident memory."""
        return rss_mib(self.process.pid)

    def stop(self) -> None:
        """End it, by force if need be."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A socket at a free port that processes may inherit."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        listener.set_inheritable(True)
        yield listener


@contextmanager
def serving(
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    listener: socket.socket | None = None,
) -> Iterator[Server]:
    """A server started with the descriptor of its listening socket as the last word of `command`.

    Several servers given the same `listener` share it as the workers of one machine do.
    """
    if listener is None:
        with listening() as own, serving(name, command, environment, own) as server:
            yield server
        return
    process = subprocess.Popen(
        [*command, str(listener.fileno())],
        env=environment_of(**(environment or {})),
        cwd=ROOT,
        pass_fds=[listener.fileno()],
    )
    server = Server(name, listener.getsockname()[1], process)
    try:
        wait_until_ready(server)
        yield server
    finally:
        server.stop()


def environment_of(**variables: str) -> dict[str, str]:
    """The environment of a process we start: the project can be imported, and only warnings are logged."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "LOG_LEVEL": "ERROR", **variables}


def wait_until_ready(server: Server) -> None:
    """Return once /healthz is answered with anything below 500."""
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end:
        if server.process.poll() is not None:
            raise SystemExit(f"{server.name} ended with {server.process.returncode}")
        if 0 < status_of(server.port, "/healthz") < 500:
            return
        time.sleep(0.05)
    raise SystemExit(f"{server.name} is not ready after {_READY_SECONDS:g} s")


def status_of(port: int, path: str, token: str = "", body: str = "") -> int:
    """The status of a GET, or of a POST of `body`; 0 when nobody answers."""
    head = (
        f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
        f"authorization: Bearer {token}\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    )
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(head.encode())
            words = connection.recv(64).split(b" ")
            return int(words[1]) if len(words) > 1 else 0
    except OSError:
        return 0


def noop_server() -> AbstractContextManager[Server]:
    """The reference: a raw ASGI application that reads the body and answers, on the same server."""
    return serving("raw no-op", [sys.executable, "-m", "benchmarks.references.noop"])


def worker_server(
    name: str, data: Path, listener: socket.socket | None = None, **settings: str
) -> AbstractContextManager[Server]:
    """One API worker over the installation in `data`."""
    environment = {"SELDON_DATA": str(data), "SELDON_WORKERS": "1", **settings}
    return serving(name, [sys.executable, "-m", "seldon_api.worker"], environment, listener)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder beside the project, on the disk that a real installation uses; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=".benchmark-", dir=ROOT))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def say(module: str, order: str = "", **variables: str) -> str:
    """What `python -m <module>` prints last when it reads `order`."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", module],
        input=order.encode(),
        env=environment_of(**variables),
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        timeout=300,
    )
    return done.stdout.decode().splitlines()[-1]


def seldon_cli(*words: str) -> list[str]:
    """The command line of `seldon-cli`, installed in this environment or not."""
    installed = Path(sys.executable).with_name("seldon-cli")
    start = [str(installed)] if installed.exists() else [sys.executable, "-m", "cli.main"]
    return [*start, *words]
