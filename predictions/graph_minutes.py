"""From what a worker counts of its graphs to rows of GraphMinute: what units took, where routers led."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from clients.traffic import Key, MinuteBook
from common import clock
from common.metrics import Labels
from predictions.graphs.metrics import CLIENT_SECONDS, ROUTES, SERVER_SECONDS
from predictions.models import GraphMinute

Counts = list[int]

# The place of the predictor itself among its units.
WHOLE: Final = ""
_KEY_COLUMNS: Final = ("client", "deployment", "predictor", "minute", "writer")
_COLUMNS: Final = ("units", "routes")


@dataclass(slots=True)
class GraphSums:
    """Counts of one predictor in one minute, in the forms of GraphMinute's columns."""

    client: str
    deployment: str
    predictor: str
    minute: int
    units: dict[str, Counts] = field(default_factory=dict)
    routes: dict[str, dict[str, int]] = field(default_factory=dict)

    def count_calls(self, unit: str, counts: Counts) -> None:
        """Add [failed, counts per bucket…] of a unit."""
        held = self.units.get(unit)
        self.units[unit] = counts if held is None else [a + b for a, b in zip(held, counts, strict=True)]

    def count_routes(self, unit: str, branch: str, count: int) -> None:
        """Add calls that a router gave to one of its children."""
        branches = self.routes.setdefault(unit, {})
        branches[branch] = branches.get(branch, 0) + count


class GraphBook(MinuteBook[GraphSums]):
    """Sums by client, deployment, predictor and minute, of the metrics that this process keeps."""

    def __init__(self, writer: int | None = None) -> None:
        super().__init__(writer)
        self._before: dict[tuple[str, Labels], Any] = {}

    def gather(self) -> None:
        """Take what was counted since the last time; it is said to be of the present minute."""
        found: dict[Labels, GraphSums] = {}
        minute = clock.unix_seconds() // 60

        def sums_of(labels: Labels) -> GraphSums:
            client, deployment, predictor = place = labels[:3]
            if place not in found:
                found[place] = GraphSums(client, deployment, predictor, minute)
            return found[place]

        for labels, row in self._grown("server", SERVER_SECONDS.values):
            if labels[4] == "predictions":
                sums_of(labels).count_calls(WHOLE, _counts(labels[-1], row))
        for labels, row in self._grown("client", CLIENT_SECONDS.values):
            if "feedback" not in labels[7].lower():
                sums_of(labels).count_calls(labels[4], _counts(labels[-1], row))
        for labels, (count,) in self._grown("routes", ROUTES.values):
            sums_of(labels).count_routes(labels[4], labels[5], count)
        self.add(found.values())

    def _grown(self, kind: str, values: dict[Labels, Any]) -> Iterator[tuple[Labels, Counts]]:
        """By how much each value is larger than it was; those that are not are left out."""
        # Copied in one step, as other threads go on counting.
        for labels, value in list(values.items()):
            now = [*value] if isinstance(value, list) else [value]
            before = self._before.get((kind, labels))
            if before == now:
                continue
            self._before[kind, labels] = now
            yield labels, now if before is None else [a - b for a, b in zip(now, before, strict=True)]

    def key_of(self, minute: GraphSums) -> Key:
        """Client, deployment, predictor and minute."""
        return minute.client, minute.deployment, minute.predictor, minute.minute

    def join(self, minute: GraphSums, held: GraphSums) -> None:
        """Add the earlier counts."""
        for unit, counts in held.units.items():
            minute.count_calls(unit, counts)
        for unit, branches in held.routes.items():
            for branch, count in branches.items():
                minute.count_routes(unit, branch, count)

    def put(self, minutes: list[tuple[int, GraphSums]]) -> None:
        """Write rows of GraphMinute."""
        rows = [
            GraphMinute(
                client_id=client_id,
                deployment=sums.deployment,
                predictor=sums.predictor,
                minute=datetime.fromtimestamp(sums.minute * 60, UTC),
                writer=self.writer,
                units=sums.units,
                routes=sums.routes,
            )
            for client_id, sums in minutes
        ]
        GraphMinute.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=_KEY_COLUMNS, update_fields=_COLUMNS
        )

    def prune(self, oldest: datetime) -> int:
        """Delete minutes before `oldest`; returns how many rows."""
        return GraphMinute.objects.for_all_clients().filter(minute__lt=oldest).delete()[0]


def _counts(code: str, row: Counts) -> Counts:
    """[failed, counts per bucket…] of a histogram's row, whose last value is the sum of seconds."""
    buckets = row[:-1]
    is_failure = not code.startswith(("2", "3"))
    return [sum(buckets) if is_failure else 0, *buckets]
