"""A real ZooKeeper for tests, started in a folder of its own and gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from kazoo.client import KazooClient

from deploy.waiting import wait_until
from tests.servers import free_port

_JAR: Final = Path("/usr/share/java/zookeeper.jar")
_CLASSES: Final = f"/etc/zookeeper/conf:{_JAR}"
_MAIN: Final = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
# Short ticks, so that sessions may be short; nothing needs to survive the machine.
_CONFIGURATION: Final = """\
tickTime=250
dataDir={data}
clientPort={port}
clientPortAddress=127.0.0.1
maxClientCnxns=0
admin.enableServer=false
4lw.commands.whitelist=*
"""
_OPTIONS: Final = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dzookeeper.forceSync=no")


class ZooKeeperServer:
    """One server, which can be killed, stopped in its tracks, and started again on its data."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("java") is None or not _JAR.exists():
            raise FileNotFoundError("apt-get install zookeeper openjdk-17-jre-headless")
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._folder = folder
        self._child: subprocess.Popen[bytes] | None = None
        (folder / "zoo.cfg").write_text(_CONFIGURATION.format(data=folder / "data", port=self.port))

    def start(self) -> None:
        """Starts it on the data that it left."""
        command = ["setpriv", "--pdeathsig", "KILL", "java", *_OPTIONS, "-cp", _CLASSES, _MAIN]
        with (self._folder / "log").open("ab") as log:
            self._child = subprocess.Popen(
                [*command, str(self._folder / "zoo.cfg")], stdout=log, stderr=log, cwd=self._folder
            )
        if not wait_until(self._is_well, timeout_seconds=60):
            raise TimeoutError((self._folder / "log").read_text())

    def kill(self) -> None:
        """As `kill -9` does."""
        assert self._child is not None
        self._child.kill()
        self._child.wait(30)

    def freeze(self) -> None:
        """Lets it keep its connections and answer nothing."""
        assert self._child is not None
        self._child.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        assert self._child is not None
        self._child.send_signal(signal.SIGCONT)

    def revive(self) -> None:
        """Has it run again, whatever was done to it."""
        self.thaw()
        if not self._is_running():
            self.start()

    @contextlib.contextmanager
    def client(self) -> Iterator[KazooClient]:
        """Another tool's connection."""
        client = KazooClient(self.address, timeout=10)
        client.start(timeout=30)
        try:
            yield client
        finally:
            client.stop()
            client.close()

    def new_chroot(self) -> str:
        """The address of an empty part of the ensemble, as CONFIG_STORE writes it."""
        chroot = f"/test-{os.urandom(6).hex()}"
        with self.client() as client:
            client.create(chroot)
        return f"zookeeper://{self.address}{chroot}"

    def ask(self, word: str) -> str:
        """The answer to one of the four-letter words."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(word.encode())
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _is_running(self) -> bool:
        assert self._child is not None
        return self._child.poll() is None

    def _is_well(self) -> bool:
        if not self._is_running():
            raise ChildProcessError((self._folder / "log").read_text())
        with contextlib.suppress(OSError):
            return self.ask("ruok") == "imok"
        return False


@contextlib.contextmanager
def zookeeper(folder: Path) -> Iterator[ZooKeeperServer]:
    """A running ZooKeeper with its data in `folder`; it ends with the block, or with this process."""
    with ZooKeeperServer(folder) as server:
        yield server
