"""When to close a file: soon on a quiet system, in larger pieces on a busy one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

# More than this waiting is shipped without further delay.
ENOUGH_BYTES: Final = 64 << 20


@dataclass(slots=True)
class Pacing:
    """A file is closed `minimum_seconds` after its first record; the delay doubles within an hour."""

    minimum_seconds: float
    maximum_seconds: float
    _waiting_since: float | None = field(default=None, init=False)
    _hour: int = field(default=-1, init=False)
    _delay: float = field(default=0.0, init=False)

    def is_due(self, waiting_bytes: int, monotonic: float, unix_seconds: int) -> bool:
        """True when what waits should be shipped now."""
        if unix_seconds // 3600 != self._hour:
            self._hour, self._delay = unix_seconds // 3600, self.minimum_seconds
        if not waiting_bytes:
            self._waiting_since = None
            return False
        if self._waiting_since is None:
            self._waiting_since = monotonic
        return waiting_bytes >= ENOUGH_BYTES or monotonic - self._waiting_since >= self._delay

    def note_shipped(self) -> None:
        """A file was closed."""
        self._waiting_since = None
        self._delay = min(self._delay * 2, self.maximum_seconds)
