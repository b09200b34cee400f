"""Configuration over real processes on one SQLite file: live within a second, one winner."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import pytest

ROOT = Path(__file__).parents[2]
PATH = "/all_clients/acme/notes"

pytestmark = pytest.mark.slow


class Process:
    """A follower or a writer, and the JSON lines it says."""

    def __init__(self, environment: dict[str, str], *words: str) -> None:
        command = [sys.executable, "-m", "tests.stores.follower", *words]
        self._child = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def hear(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        said: dict[str, Any] = json.loads(self._child.stdout.readline())
        return said

    def tell(self, value: object) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(value) + "\n")
        self._child.stdin.flush()

    def __enter__(self) -> Self:
        assert self.hear()["ready"]
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._child.communicate(timeout=20)
        finally:
            self._child.kill()
        assert self._child.returncode == 0


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Surroundings of a machine of its own, migrated."""
    folder = tmp_path_factory.mktemp("machine")
    surroundings = {
        **os.environ,
        "SELDON_DATA": str(folder),
        "DATABASE_URL": "",
        "DJANGO_SETTINGS_MODULE": "seldon_api.settings",
    }
    migrate = [sys.executable, "-m", "django", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=ROOT, env=surroundings, check=True, timeout=60)
    return surroundings


def test_document_is_live_in_every_process_within_a_second(environment: dict[str, str]) -> None:
    with (
        Process(environment, "follow") as first,
        Process(environment, "follow") as second,
        Process(environment, "write", PATH) as writer,
    ):
        for number in range(6):
            writer.tell({"algorithms": [], "n": number})
            written = writer.hear()
            for follower in (first, second):
                heard = follower.hear()
                assert heard["value"]["n"] == number
                assert heard["at"] - written["at"] <= 1.0


def test_follower_started_later_knows_what_was_written_before(environment: dict[str, str]) -> None:
    path = "/all_clients/globex/notes"
    with Process(environment, "write", path) as writer:
        writer.tell({"algorithms": []})
        writer.hear()
    with Process(environment, "follow") as late, Process(environment, "write", path) as writer:
        writer.tell({"algorithms": [], "n": 2})
        assert late.hear()["value"]["n"] == 2
