"""Microservices as real processes: a class written to a folder, served, called and ended."""

from __future__ import annotations

import http.client
import json
import os
import selectors
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 60.0


@dataclass
class Served:
    """One microservice process and how to reach it."""

    process: subprocess.Popen[str]
    port: int
    headers: dict[str, str] = field(default_factory=dict)

    def call(
        self, method: str, path: str, body: bytes | str | None = None, **headers: str
    ) -> tuple[int, Any]:
        """Return status and body, read as JSON when it is; the headers stay in `self.headers`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, names)
            answer = connection.getresponse()
            text = answer.read()
            self.headers = {name.lower(): value for name, value in answer.getheaders()}
            is_json = self.headers.get("content-type") == "application/json" and text
            return answer.status, json.loads(text) if is_json else text
        finally:
            connection.close()

    def post(self, path: str, message: Any, **headers: str) -> tuple[int, Any]:
        """Return status and body of a JSON post."""
        return self.call("POST", path, json.dumps(message), content_type="application/json", **headers)


def start(folder: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """Return a started microservice process."""
    return subprocess.Popen(
        command(*arguments),
        cwd=folder,
        env=environment() | {"TMPDIR": str(folder)} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Return a microservice process that ended by itself."""
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def environment() -> dict[str, str]:
    """Return an environment in which the project can be imported from any folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREDICTIVE_")}
    return kept | {"PYTHONPATH": str(PROJECT)}


def command(*arguments: str) -> list[str]:
    """Return the command line of a microservice."""
    return [sys.executable, "-m", "microservice.main", *arguments]


def write_class(folder: Path, name: str, source: str) -> None:
    """Write a module with a class into a folder."""
    (folder / f"{name}.py").write_text(textwrap.dedent(source))


def read_line(process: subprocess.Popen[str], seconds: float = DEADLINE_SECONDS) -> str:
    """Return the first line a process prints; fails when it says nothing within the deadline."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        assert selector.select(seconds), "the microservice said nothing"
    return process.stdout.readline()


def wait_until(claim: Callable[[], bool]) -> None:
    """Return once a claim holds; fails after the deadline."""
    until = time.monotonic() + DEADLINE_SECONDS
    while not claim():
        assert time.monotonic() < until, "the claim did not come true in time"
        time.sleep(0.02)


def end(process: subprocess.Popen[str]) -> None:
    """End a microservice as an operator would, and forcibly when that does not work."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()
