"""`.run/demo.json`: how to reach the demonstration; there only while everything answers."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DemoRecord:
    """Where the demonstration is, and the secrets to enter it; they are stored nowhere else in clear."""

    url: str
    client: str
    consumer_key: str
    consumer_secret: str
    js_key: str
    operator: str
    operator_password: str


class DemoFile:
    """The file in `folder`. While nothing runs its content waits in `demo.last.json`, for the next start."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "demo.json"
        self._last = folder / "demo.last.json"

    def read(self) -> DemoRecord | None:
        """What the last run wrote, whether it was put aside or not; None when that cannot be used."""
        for path in (self.path, self._last):
            try:
                return DemoRecord(**json.loads(path.read_text()))
            except (OSError, ValueError, TypeError):
                continue
        return None

    def put_aside(self) -> None:
        """From now on nobody takes the demonstration for running."""
        if self.path.exists():
            self.path.replace(self._last)

    def write(self, record: DemoRecord) -> None:
        """Replace the file, readable by its owner alone from its first byte on."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".tmp")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(json.dumps(asdict(record), indent=2) + "\n")
        fresh.replace(self.path)
        self._last.unlink(missing_ok=True)
