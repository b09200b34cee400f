"""Kills the workers and the shipper of a real machine under load, and counts what came of the events."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from events.shipping.hourly import HourlyFiles
from events.shipping.shipper import Shipper
from tests.torture.kills import ROOT, Outcome

WORKERS = ("w0", "w1")
VICTIMS = (("w0",), ("shipper",), ("w1",), ("w0", "shipper"), ("w0", "w1"))
_SETUP = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from clients import services
from clients.records import By
by = By("cli:torture")
made = services.setup_client(name="acme", by=by)
print(services.mint_token(client=made.client, seconds=86_400, by=by).text)
"""


class Machine:
    """Two workers on one socket and a shipper, over an installation of its own in `data`."""

    def __init__(self, data: Path, durability: str) -> None:
        self.data = data
        self.kills: Counter[str] = Counter()
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SELDON_DATA": str(data),
            "DATABASE_URL": "",
            "DJANGO_SETTINGS_MODULE": "seldon_api.settings",
            "EVENTS_DURABILITY": durability,
            "EVENTS_FLUSH_MIN_SECONDS": "0.1",
            "EVENTS_FLUSH_MAX_SECONDS": "0.5",
            "SPOOL_SEGMENT_BYTES": "20000",
            "LOG_LEVEL": "ERROR",
        }
        done = subprocess.run(
            [sys.executable, "-c", _SETUP], env=self._environment, cwd=ROOT, check=True, capture_output=True
        )
        self.token = done.stdout.decode().split()[-1]
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._listener.set_inheritable(True)
        self.port: int = self._listener.getsockname()[1]
        self._parts: dict[str, subprocess.Popen[bytes]] = {}

    def start_missing(self) -> None:
        """Start every part that is not there."""
        for name in (*WORKERS, "shipper"):
            if name not in self._parts or self._parts[name].poll() is not None:
                self._parts[name] = self._start(name)

    def kill(self, name: str) -> None:
        """kill -9."""
        part = self._parts.pop(name)
        part.send_signal(signal.SIGKILL)
        part.wait()
        self.kills[name] += 1

    def stop(self) -> None:
        """Kill all, then ship what is left."""
        for name in list(self._parts):
            self.kill(name)
        self._listener.close()
        shipper = Shipper(self.data / "spool", HourlyFiles(self.data / "logs"))
        while shipper.ship():
            pass
        shipper.close()

    def shipped(self) -> Counter[str]:
        """How often each event is in the files."""
        found: Counter[str] = Counter()
        for path in self.data.glob("logs/events.*/*/*/*/*.log.gz"):
            for line in gzip.decompress(path.read_bytes()).splitlines():
                found[json.loads(line.split(b"\t", 2)[2])["n"]] += 1
        return found

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "seldon_api.shipper"]
        descriptors: tuple[int, ...] = ()
        if name in WORKERS:
            descriptors = (self._listener.fileno(),)
            command = [sys.executable, "-m", "seldon_api.worker", str(self._listener.fileno())]
        return subprocess.Popen(command, env=self._environment, cwd=ROOT, pass_fds=descriptors)


class Sender(threading.Thread):
    """Sends events one by one; those with a key again and again until they are acknowledged."""

    def __init__(self, name: str, port: int, token: str) -> None:
        super().__init__(daemon=True)
        self.sender = name
        self.port = port
        self.token = token
        self.acknowledged: set[str] = set()
        self.retries = 0
        self.stopping = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.stopping.is_set():
            number += 1
            event = f"{self.sender}-{number}"
            while not self._send(event, is_keyed=number % 2 == 0) and number % 2 == 0:
                self.retries += 1
                if self.stopping.wait(0.02):
                    return

    def _send(self, event: str, *, is_keyed: bool) -> bool:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if is_keyed:
            headers["Idempotency-Key"] = event
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", "/events", json.dumps({"n": event}), headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
        if answer.status == 200:
            self.acknowledged.add(event)
        return answer.status == 200


def torture(data: Path, durability: str, loops: int, seconds: float = 3600) -> Outcome:
    """What became of the events after `loops` rounds of kills, or as many as fit into `seconds`."""
    machine, chance, end = Machine(data, durability), random.Random(11), time.monotonic() + seconds
    senders = [Sender(f"s{number}", machine.port, machine.token) for number in range(4)]
    try:
        machine.start_missing()
        for sender in senders:
            sender.start()
        for loop in range(loops):
            _wait_for_progress(senders)
            time.sleep(chance.uniform(0, 0.3))
            for name in VICTIMS[loop % len(VICTIMS)]:
                machine.kill(name)
            machine.start_missing()
            if time.monotonic() > end:
                break
        _wait_for_progress(senders)
        for sender in senders:
            sender.stopping.set()
            sender.join(20)
    finally:
        machine.stop()
    acknowledged = set().union(*[sender.acknowledged for sender in senders])
    return Outcome(acknowledged, machine.shipped(), machine.kills)


def _wait_for_progress(senders: list[Sender], events: int = 40, seconds: float = 60) -> None:
    """Return once `events` more events were acknowledged, so that every kill comes under load."""
    wanted = sum(len(sender.acknowledged) for sender in senders) + events
    end = time.monotonic() + seconds
    while sum(len(sender.acknowledged) for sender in senders) < wanted:
        if time.monotonic() > end:
            raise AssertionError("the machine does not take events any more")
        time.sleep(0.01)


def main(loops: int, seconds: float) -> None:
    """Torture both durabilities, half of `loops` and `seconds` each, and tell what happened."""
    for durability in ("fsync", "os"):
        with tempfile.TemporaryDirectory() as folder:
            outcome = torture(Path(folder), durability, loops // 2, seconds / 2)
            outcome.check()
            kills = ", ".join(f"{name} {count}" for name, count in sorted(outcome.kills.items()))
            told = f"{len(outcome.acknowledged)} acknowledged, {len(outcome.shipped)} in the files, each once"
            sys.stdout.write(f"machine, {durability}: {told}; killed: {kills}\n")
