"""What one process refuses, every process refuses within two seconds, over real processes on SQLite."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


class Process:
    """A verifier or a manager, and the JSON lines it says."""

    def __init__(self, environment: dict[str, str], role: str) -> None:
        command = [sys.executable, "-m", "tests.clients.verifier", role]
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

    def ask(self, value: object) -> dict[str, Any]:
        self.tell(value)
        return self.hear()

    def __enter__(self) -> Self:
        assert self.hear()["ready"]
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._child.communicate(timeout=20)
        finally:
            self._child.kill()
        assert self._child.returncode == 0


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Surroundings of a machine of its own, migrated."""
    surroundings = {
        **os.environ,
        "SELDON_DATA": str(tmp_path),
        "DATABASE_URL": "",
        "DJANGO_SETTINGS_MODULE": "seldon_api.settings",
    }
    migrate = [sys.executable, "-m", "django", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=ROOT, env=surroundings, check=True, timeout=60)
    return surroundings


def test_refusals_reach_every_process_within_two_seconds(environment: dict[str, str]) -> None:
    with (
        Process(environment, "manage") as manager,
        Process(environment, "verify") as first,
        Process(environment, "verify") as second,
    ):

        def refused_after(verb: str, kind: str, slack_seconds: float = 0) -> set[int]:
            text = manager.ask("token" if kind == "token" else "js")["text"]
            for worker in (first, second):
                assert worker.ask([kind, text])["accepted"] == text
            done_at = manager.ask(verb)["at"]
            said = [worker.hear() for worker in (first, second)]
            assert all(one["at"] - done_at <= 2 + slack_seconds for one in said)
            return {one["error_id"] for one in said}

        assert refused_after("disable", "token") == {3}
        manager.ask("enable")
        assert refused_after("disable", "js") == {3}
        manager.ask("enable")
        # The old key has one more second, and expiry counts whole seconds.
        assert refused_after("rotate", "token", slack_seconds=2) <= {3, 8}
        assert refused_after("revoke js", "js") == {3}
