"""Our microservice and its peers, each serving the same class from an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import cpu_seconds, rss_mib
from benchmarks.servers import ROOT, Server, environment_of, status_of

CLASSES = Path(__file__).resolve().parent / "references" / "peers"
_READY_SECONDS = 60.0
_POLL_SECONDS = 0.005


@dataclass
class Peer(Server):
    """A server of several processes, which count together, with a port for gRPC beside that for HTTP."""

    grpc_port: int = 0
    start_seconds: float = 0.0

    def processes(self) -> list[int]:
        """It and all that descend from it."""
        found, waiting = [], [self.process.pid]
        while waiting:
            found.append(waiting.pop())
            tasks = Path(f"/proc/{found[-1]}/task")
            for children in tasks.glob("*/children"):
                waiting.extend(map(int, children.read_text().split()))
        return found

    def cpu_seconds(self) -> float:
        """CPU time of all of them."""
        return sum(cpu_seconds(pid) for pid in self.processes())

    def rss_mib(self) -> float:
        """Resident memory of the largest of them, which is the one that holds the model."""
        return max(rss_mib(pid) for pid in self.processes())

    def stop(self) -> None:
        """End them, by force if need be."""
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on just now."""
    with ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in held]


def environment_folder(name: str) -> Path:
    """Where `make bench` installed a peer; ends the script when it did not."""
    folder = ROOT / ".run" / name
    if not (folder / ".installed").exists():
        raise SystemExit(f"{name} is not in {folder}; `make bench` installs it")
    return folder


@contextmanager
def running(name: str, command: list[str], folder: Path, ports: list[int], ready: str) -> Iterator[Peer]:
    """A peer, once it answers `ready` with 200; its first two ports are HTTP's and gRPC's."""
    path = f"{Path(command[0]).parent}:{os.environ['PATH']}"
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment_of(PATH=path, SELDON_LOG_LEVEL="ERROR"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    peer = Peer(name, ports[0], process, ports[1])
    try:
        while status_of(peer.port, ready) != 200:
            if process.poll() is not None or time.perf_counter() - started > _READY_SECONDS:
                raise SystemExit(f"{name} did not start: {' '.join(command)}")
            time.sleep(_POLL_SECONDS)
        peer.start_seconds = time.perf_counter() - started
        yield peer
    finally:
        peer.stop()


@contextmanager
def ours(*options: str) -> Iterator[Peer]:
    """`seldon-microservice` with the class, over HTTP and gRPC."""
    ports = free_ports(2)
    command = [sys.executable, "-m", "microservice.main", "Identity", "--port", str(ports[0])]
    words = [*command, "--grpc-port", str(ports[1]), "--log-level", "ERROR", *options]
    with running("seldon-microservice", words, CLASSES, ports, "/health/ping") as peer:
        yield peer


@contextmanager
def seldon_core() -> Iterator[Peer]:
    """Seldon Core's wrapper with the same class."""
    ports = free_ports(3)
    command = str(environment_folder("seldon-core") / "bin" / "seldon-core-microservice")
    named = zip(("--http-port", "--grpc-port", "--metrics-port"), ports, strict=True)
    words = [command, "Identity", *(word for option, port in named for word in (option, str(port)))]
    with running("seldon-core-microservice", words, CLASSES, ports, "/health/ping") as peer:
        yield peer


@contextmanager
def mlserver(folder: Path) -> Iterator[Peer]:
    """MLServer with a class that does the same, in one process as ours; its settings go to `folder`."""
    ports = free_ports(3)
    command = str(environment_folder("mlserver") / "bin" / "mlserver")
    names = dict(zip(("http_port", "grpc_port", "metrics_port"), ports, strict=True))
    # As large messages as ours takes by default.
    limit = 100 * 2**20
    (folder / "Identity").mkdir(exist_ok=True)
    shutil.copy(CLASSES / "mlserver_identity.py", folder / "Identity" / "mlserver_identity.py")
    settings = {
        **names,
        "host": "127.0.0.1",
        "parallel_workers": 0,
        "debug": False,
        "grpc_max_message_length": limit,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {"name": "Identity", "implementation": "mlserver_identity.Identity"}
    (folder / "Identity" / "model-settings.json").write_text(json.dumps(model))
    ready = "/v2/models/Identity/ready"
    with running("MLServer", [command, "start", str(folder)], folder, ports, ready) as peer:
        yield peer
