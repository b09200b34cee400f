"""How long a part that keeps dying waits before it is started again."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pace:
    """The first wait, the longest one, and how long a part must live to count as well again; in seconds."""

    first_seconds: float = 0.1
    longest_seconds: float = 30.0
    stable_seconds: float = 10.0


@dataclass(slots=True)
class Backoff:
    """Doubles the wait with every death in a row; jitter keeps those that died together apart."""

    pace: Pace = field(default_factory=Pace)
    # Not for secrets: only spreads restarts.
    chance: random.Random = field(default_factory=random.Random)
    failures: int = 0

    def next_wait(self, lived_seconds: float) -> float:
        """Seconds until the next start of a part that died after `lived_seconds`."""
        if lived_seconds >= self.pace.stable_seconds:
            self.failures = 0
        # 2**20 first waits are far beyond any longest wait, and larger powers overflow one day.
        wait = self.pace.first_seconds * float(2 ** min(self.failures, 20))
        self.failures += 1
        return min(wait, self.pace.longest_seconds) * self.chance.uniform(0.75, 1.0)

    @property
    def is_crash_looping(self) -> bool:
        """True after three deaths in a row."""
        return self.failures >= 3
