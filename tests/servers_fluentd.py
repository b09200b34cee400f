"""A forward input that others wrote, @fluent-org/logger on Node; `scripts/bootstrap test` installs it."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any, Final, Self

FOLDER: Final = Path(__file__).parent / "node"


def is_foreign_receiver_installed() -> bool:
    """Whether node and the package are there."""
    return bool(shutil.which("node")) and (FOLDER / "node_modules" / "@fluent-org" / "logger").exists()


class ForeignReceiver:
    """Runs from `with` to its end; `entries` are [tag, seconds, nanoseconds, record] as they came."""

    def __init__(
        self, shared_key: str = "", users: dict[str, str] | None = None, certificate: Path | None = None
    ) -> None:
        options = {
            "sharedKey": shared_key,
            "users": users or {},
            "certificate": str(certificate) if certificate else "",
        }
        self._command = ["node", str(FOLDER / "receiver.js"), json.dumps(options)]
        self.entries: list[Any] = []
        self.port = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = json.loads(self._process.stdout.readline())["port"]
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        finally:
            self._process.kill()
            self._process.wait()
        self._thread.join(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.entries.append(json.loads(line))
