"""A real Redis for tests: started on a free port, killed, paused and brought back as a test needs it."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from redis import Redis

from deploy.waiting import wait_until
from tests.servers import free_port


class RedisServer:
    """`redis-server` on 127.0.0.1 that keeps nothing on disk; `words` are options of its command line."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.socket_url = f"unix://{folder}/redis.sock"
        self.client: Redis = Redis.from_url(self.url, socket_timeout=2, socket_connect_timeout=2)
        self._folder = folder
        self._words = words
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, empty; TimeoutError with its log when it does not answer."""
        log = self._folder / "redis.log"
        listening = ("--bind", "127.0.0.1", "--port", str(self.port), "--unixsocket", "redis.sock")
        keeping = ("--dir", str(self._folder), "--save", "", "--appendonly", "no")
        with log.open("ab") as out:
            # It must end with us, however we end.
            words = ["setpriv", "--pdeathsig", "KILL", _program(), *listening, *keeping, *self._words]
            self._process = subprocess.Popen(words, stdout=out, stderr=out, cwd=self._folder)
        if not wait_until(self.answers, timeout_seconds=60):
            raise TimeoutError(log.read_text())

    def kill(self) -> None:
        """`kill -9`: connections break, and everything it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None

    def pause(self) -> None:
        """SIGSTOP: connections stay open, and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def answers(self) -> bool:
        """Whether it is there; one that wants a password is there too."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2) as connection:
                connection.settimeout(2)
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False


@contextlib.contextmanager
def redis(folder: Path, *words: str) -> Iterator[RedisServer]:
    """A running Redis whose log is in `folder`; it ends with the block, or with this process."""
    server = RedisServer(folder, *words)
    server.start()
    try:
        yield server
    finally:
        server.client.close()
        server.kill()


def _program() -> str:
    found = shutil.which("redis-server")
    if found is None:
        raise FileNotFoundError("Redis is not installed: apt-get install redis-server")
    return found
