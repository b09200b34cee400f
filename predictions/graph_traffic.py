"""What the units of a deployment did in the last minutes: one query, whatever their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from clients.models import Client
from common.metrics import LATENCY_BOUNDS, quantile
from predictions.graph_minutes import WHOLE
from predictions.models import GraphMinute

_LENGTH: Final = len(LATENCY_BOUNDS) + 2
Place = tuple[str, str]


@dataclass(slots=True)
class Calls:
    """Calls of a unit, or of a predictor as a whole: how many failed, and how long they took by bucket."""

    failed: int = 0
    latency: list[int] = field(default_factory=lambda: [0] * (_LENGTH - 1))

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.latency)

    def seconds(self, share: float) -> float | None:
        """Seconds below which `share` (0…1) of them lie; None when there were none."""
        return quantile(self.latency, share) if any(self.latency) else None

    def add(self, counts: Sequence[int]) -> None:
        """Add [failed, counts per bucket…]; those of a version with other buckets are left out."""
        if len(counts) == _LENGTH:
            self.failed += counts[0]
            self.latency = [a + b for a, b in zip(self.latency, counts[1:], strict=True)]


@dataclass(frozen=True, slots=True)
class GraphTraffic:
    """By (predictor, unit), the predictor itself as unit "": calls by minute since `start`, and routes."""

    start: datetime
    minutes: int
    calls: dict[Place, list[Calls]]
    routes: dict[Place, dict[int, int]]

    def by_minute(self, predictor: str, unit: str = WHOLE) -> list[Calls]:
        """Its calls minute by minute."""
        return self.calls.get((predictor, unit)) or [Calls() for _ in range(self.minutes)]

    def whole(self, predictor: str, unit: str = WHOLE) -> Calls:
        """All its calls."""
        total = Calls()
        for each in self.calls.get((predictor, unit), ()):
            total.add([each.failed, *each.latency])
        return total

    def chosen(self, predictor: str, unit: str) -> dict[int, int]:
        """How often a router chose each of its children, by their numbers."""
        return self.routes.get((predictor, unit), {})


def graph_traffic(
    *, client: Client, deployment: str, since: datetime, minutes: int, begun_at: datetime
) -> GraphTraffic:
    """The traffic of a client's deployment in `minutes` minutes from `since`, a whole minute, on.

    What was before `begun_at` is another deployment's, which had the same name.
    """
    found = GraphTraffic(since, minutes, {}, {})
    first = max(since, begun_at.replace(second=0, microsecond=0))
    rows = GraphMinute.objects.for_client(client).filter(
        deployment=deployment, minute__gte=first, minute__lt=since + timedelta(minutes=minutes)
    )
    for predictor, minute, units, routes in rows.values_list("predictor", "minute", "units", "routes"):
        index = int((minute - since).total_seconds()) // 60
        for unit, counts in units.items():
            _minutes_of(found, (predictor, unit))[index].add(counts)
        for unit, branches in routes.items():
            sums = found.routes.setdefault((predictor, unit), {})
            for branch, count in branches.items():
                sums[int(branch)] = sums.get(int(branch), 0) + count
    return found


def _minutes_of(found: GraphTraffic, place: Place) -> list[Calls]:
    if place not in found.calls:
        found.calls[place] = [Calls() for _ in range(found.minutes)]
    return found.calls[place]
