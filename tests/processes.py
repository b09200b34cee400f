"""Processes of the product that a test talks to by JSON lines, around one database."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from tests.migrated import ROOT, migrated_database


class Process:
    """`python -m <module> <words>`, which says JSON lines, the first of them `{"ready": true}`."""

    def __init__(self, environment: dict[str, str], module: str, *words: str) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hear(self) -> dict[str, Any]:
        """The next line it says."""
        assert self._child.stdout is not None
        said: dict[str, Any] = json.loads(self._child.stdout.readline())
        return said

    def tell(self, value: object) -> None:
        """Say one line to it."""
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(value) + "\n")
        self._child.stdin.flush()

    def ask(self, value: object) -> dict[str, Any]:
        """What it says to a line."""
        self.tell(value)
        return self.hear()

    def __enter__(self) -> Self:
        assert self.hear()["ready"]
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._child.communicate(timeout=100)
        finally:
            self._child.kill()
        assert self._child.returncode == 0


@contextlib.contextmanager
def migrated_surroundings(folder: Path, database_url: str) -> Iterator[dict[str, str]]:
    """The environment of processes with `folder` as their data and a migrated database of that kind."""
    with migrated_database(database_url, folder) as url:
        yield {
            **os.environ,
            "SELDON_DATA": str(folder),
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "seldon_api.settings",
        }
