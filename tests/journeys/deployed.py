"""Deployments of a whole machine: bundles built, manifests applied, callers that never stop asking."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from common import clock
from deploy.waiting import wait_until
from tests.deploy.bundles.sources import CLASS, make_source
from tests.journeys.machines import Place, fetch_json

PATH = "/seldon/acme/iris/api/v1.0/predictions"
_PAUSE_SECONDS = 0.005
BODY = json.dumps({"data": {"ndarray": [[1.0]]}})


def build(place: Place, image: str, factor: int, text: str = CLASS) -> None:
    """A bundle whose answer is `factor` times what it is asked."""
    source = make_source(place.folder / image.replace("/", "_"), text.replace("X * 2", f"X * {factor}"))
    done = place.cli("build", str(source), image)
    assert done.returncode == 0, done.stderr


def apply(place: Place, document: dict[str, Any], *, waits: bool = True) -> None:
    """Apply a manifest, and wait until it is available."""
    file = place.folder / "manifest.json"
    file.write_text(json.dumps(document))
    run(place, "apply", "-f", str(file))
    if waits:
        run(place, "wait", document["metadata"]["name"], "-n", "acme", "--timeout", "40")


def run(place: Place, *words: str) -> str:
    """What a command prints that must succeed."""
    done = place.cli(*words)
    assert done.returncode == 0, f"{words}: {done.stderr} {place.cli('describe', 'iris').stdout}"
    return done.stdout


def described(place: Place) -> dict[str, Any]:
    """The deployment with its status."""
    found: dict[str, Any] = place.cli_json("describe", "iris", "-n", "acme")
    return found


def processes(place: Place) -> list[dict[str, Any]]:
    """The processes of the deployment's only unit, as its status tells of them."""
    units = described(place)["status"].get("units") or [{"processes": []}]
    return list(units[0]["processes"])


def token_of(place: Place, url: str, client: str = "acme") -> str:
    """Sets a client up and returns a token of it."""
    made = place.cli_json("client", "setup", client)
    query = f"consumer_key={made['consumer_key']}&consumer_secret={made['consumer_secret']}"
    return str(fetch_json(f"{url}/token?{query}")["access_token"])


@dataclass
class Callers:
    """Threads that ask again and again; what they were answered is counted by status and text."""

    url: str
    token: str
    answers: Counter[tuple[int, str]] = field(default_factory=Counter)
    slowest_seconds: float = 0.0
    _stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def asking(self, threads: int = 6) -> Iterator[Callers]:
        """While the block runs."""
        started = [threading.Thread(target=self._ask_on) for _ in range(threads)]
        for thread in started:
            thread.start()
        try:
            assert wait_until(lambda: self.total > 20, 20), self.answers
            yield self
        finally:
            self._stopping.set()
            for thread in started:
                thread.join()

    @property
    def total(self) -> int:
        """How many were answered."""
        return sum(self.answers.values())

    @property
    def answered(self) -> int:
        """How many got a prediction."""
        return sum(count for (status, _), count in self.answers.items() if status == 200)

    @property
    def statuses(self) -> set[int]:
        """The statuses that were seen; 0 for a connection that was refused or cut."""
        return {status for status, _ in self.answers}

    @property
    def failed(self) -> dict[tuple[int, str], int]:
        """Those that were answered otherwise than with a prediction."""
        return {answer: count for answer, count in self.answers.items() if answer[0] != 200}

    def seen(self, answer: str) -> bool:
        """Whether some caller was answered so."""
        return (200, answer) in self.answers

    def _ask_on(self) -> None:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        while not self._stopping.is_set():
            began = clock.monotonic()
            answer = self._ask(connection)
            with self._lock:
                self.answers[answer] += 1
                self.slowest_seconds = max(self.slowest_seconds, clock.monotonic() - began)
            # A steady load, which leaves the machine room to start processes.
            self._stopping.wait(_PAUSE_SECONDS)
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request("POST", PATH, BODY, headers)
            reply = connection.getresponse()
            text = reply.read().decode()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return 0, repr(error)
        if reply.status != 200:
            return reply.status, text
        return 200, json.dumps(json.loads(text)["data"]["ndarray"])


def log_of(process: dict[str, Any]) -> str:
    """All that a process wrote."""
    return Path(process["log"]).read_text()
