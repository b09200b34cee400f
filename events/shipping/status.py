"""What the shipper tells other processes of itself: one small file, replaced whole when something changed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from common import clock


@dataclass(frozen=True, slots=True)
class ShippingStatus:
    """`destination` as EVENTS_SINK names it; `problem`: why nothing can be moved there, empty when it can."""

    destination: str
    problem: str = ""
    since_unix: int = 0


class StatusFile:
    """The file at `path`. Failing to write it harms nobody but the reader."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: tuple[str, str] | None = None

    def tell(self, destination: str, problem: str) -> None:
        """Write it down, unless it is what was written last; raises OSError when that is not possible."""
        if self._written == (destination, problem):
            return
        fresh = self._path.with_suffix(".tmp")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(asdict(ShippingStatus(destination, problem, clock.unix_seconds()))))
        fresh.replace(self._path)
        self._written = destination, problem

    def read(self) -> ShippingStatus | None:
        """What was written last; None when nothing was."""
        try:
            return ShippingStatus(**json.loads(self._path.read_text()))
        except (OSError, ValueError, TypeError):
            return None
