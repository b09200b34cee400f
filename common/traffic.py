"""What each client did in each minute, gathered in memory until somebody stores it."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from common import clock
from common.metrics import LATENCY_BOUNDS

# How many refusals a process keeps per client for the console; older ones are counted, not kept.
REFUSALS_KEPT: Final = 20


@dataclass(slots=True)
class Minute:
    """Traffic of one client on one surface in one minute (`minute` = Unix seconds // 60)."""

    client: str
    surface: str
    minute: int
    requests: int = 0
    errors: int = 0
    bytes_in: int = 0
    accepted: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    predictions: int = 0
    variations: dict[str, int] = field(default_factory=dict)
    latency: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS) + 1))
    refusals: deque[dict[str, str | int]] = field(default_factory=lambda: deque(maxlen=REFUSALS_KEPT))


class Traffic:
    """Minutes by (client, surface, minute); `take` hands them over and starts anew."""

    def __init__(self, unix_seconds: Callable[[], int] = clock.unix_seconds) -> None:
        self._unix_seconds = unix_seconds
        self._minutes: dict[tuple[str, str, int], Minute] = {}

    def minute(self, client: str, surface: str) -> Minute:
        """The present minute of `client` on `surface`."""
        now = self._unix_seconds() // 60
        found = self._minutes.get((client, surface, now))
        if found is None:
            found = self._minutes[client, surface, now] = Minute(client, surface, now)
        return found

    def count_request(self, client: str, surface: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        row = self.minute(client, surface)
        row.requests += 1
        row.latency[bisect_left(LATENCY_BOUNDS, seconds)] += 1
        if status >= 400:
            row.errors += 1

    def count_accepted(self, client: str, surface: str, records: int, size: int) -> None:
        """Count `records` accepted records of `size` bytes in all."""
        row = self.minute(client, surface)
        row.accepted += records
        row.bytes_in += size

    def count_rejected(self, client: str, surface: str, reason: str, records: int = 1) -> None:
        """Count records that were not taken, by the error's code."""
        rejected = self.minute(client, surface).rejected
        rejected[reason] = rejected.get(reason, 0) + records

    def count_variation(self, client: str, surface: str, label: str) -> None:
        """Count one prediction answered, by variation `label`."""
        row = self.minute(client, surface)
        row.predictions += 1
        row.variations[label] = row.variations.get(label, 0) + 1

    def note_refusal(self, client: str, surface: str, facts: dict[str, str | int]) -> None:
        """Keep `facts` (at, status, code, message, request_id) of a refused request for the console."""
        self.minute(client, surface).refusals.append(facts)

    def take(self) -> list[Minute]:
        """Everything gathered since the last call."""
        taken, self._minutes = self._minutes, {}
        return list(taken.values())


def add_minute(row: Minute, other: Minute) -> None:
    """Add the counts of `other` to `row`; its refusals are the older ones."""
    row.requests += other.requests
    row.errors += other.errors
    row.bytes_in += other.bytes_in
    row.accepted += other.accepted
    row.predictions += other.predictions
    row.latency = [a + b for a, b in zip(row.latency, other.latency, strict=True)]
    for reason, count in other.rejected.items():
        row.rejected[reason] = row.rejected.get(reason, 0) + count
    for label, count in other.variations.items():
        row.variations[label] = row.variations.get(label, 0) + count
    row.refusals = deque([*other.refusals, *row.refusals], maxlen=REFUSALS_KEPT)


TRAFFIC: Final = Traffic()
