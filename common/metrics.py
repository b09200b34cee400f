"""Counters, gauges and histograms: one dictionary add a request, readable over all processes of a machine.

Each process writes its snapshot to a file; whoever is asked for `/metrics` merges the files. The
counts of a process that died are folded into one file, so a counter never goes back.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

Labels = tuple[str, ...]
Kind = Literal["counter", "gauge", "histogram"]

# Seconds; from one lane answer (fractions of a millisecond) to a model's deadline.
LATENCY_BOUNDS: Final = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.3, 0.5, 1.0,
    2.0, 5.0, 10.0,
)  # fmt: skip


class Metric:
    """A named family of values by label values."""

    __slots__ = ("help", "kind", "labels", "name", "values")

    def __init__(self, kind: Kind, name: str, text: str, labels: Labels = ()) -> None:
        self.kind = kind
        self.name = name
        self.help = text
        self.labels = labels
        self.values: dict[Labels, Any] = {}
        REGISTRY[name] = self


class Counter(Metric):
    """A number that only grows."""

    __slots__ = ()

    def __init__(self, name: str, text: str, labels: Labels = ()) -> None:
        super().__init__("counter", name, text, labels)

    def add(self, labels: Labels = (), amount: float = 1) -> None:
        """Grow the value of `labels` by `amount`."""
        self.values[labels] = self.values.get(labels, 0) + amount


class Gauge(Metric):
    """A number that is what it is; over processes the values are summed."""

    __slots__ = ()

    def __init__(self, name: str, text: str, labels: Labels = ()) -> None:
        super().__init__("gauge", name, text, labels)

    def set(self, value: float, labels: Labels = ()) -> None:
        """Replace the value of `labels`."""
        self.values[labels] = value


class Histogram(Metric):
    """Counts by latency bucket; a value is [count per bound…, count above, sum of seconds]."""

    __slots__ = ()

    def __init__(self, name: str, text: str, labels: Labels = ()) -> None:
        super().__init__("histogram", name, text, labels)

    def observe(self, seconds: float, labels: Labels = ()) -> None:
        """Count one observation of `seconds`."""
        row = self.values.get(labels)
        if row is None:
            row = self.values[labels] = [0] * (len(LATENCY_BOUNDS) + 1) + [0.0]
        row[bisect_left(LATENCY_BOUNDS, seconds)] += 1
        row[-1] += seconds


REGISTRY: Final[dict[str, Metric]] = {}

# A snapshot is {key: {"kind", "help", "labels", "values": [(label values, value), …]}}. The key is the
# family's name; where one name has several sets of labels, the key is anything and "name" says it. A
# histogram with bounds of its own has them in "bounds".
Snapshot = dict[str, dict[str, Any]]
# What others count, whose names are not known before they do.
SOURCES: Final[list[Callable[[], Snapshot]]] = []


def take_snapshot() -> Snapshot:
    """This process's metrics as plain JSON values."""
    own = {
        metric.name: {
            "kind": metric.kind,
            "help": metric.help,
            "labels": list(metric.labels),
            # Copied in one step: with ten thousand clients a list per row would stall every request.
            "values": list(metric.values.items()),
        }
        for metric in REGISTRY.values()
    }
    return merge_snapshots([own, *(source() for source in SOURCES)]) if SOURCES else own


def merge_snapshots(snapshots: Iterable[Snapshot]) -> Snapshot:
    """One snapshot whose values are the sums over `snapshots`."""
    merged: Snapshot = {}
    sums: dict[str, dict[Labels, Any]] = {}
    for snapshot in snapshots:
        for name, family in snapshot.items():
            merged.setdefault(name, {**family, "values": []})
            rows = sums.setdefault(name, {})
            for labels, value in family["values"]:
                key = tuple(labels)
                rows[key] = _sum(rows[key], value) if key in rows else value
    for name, rows in sums.items():
        merged[name]["values"] = [[list(labels), value] for labels, value in rows.items()]
    return merged


def without_gauges(snapshot: Snapshot) -> Snapshot:
    """What a dead process leaves behind: its counts, not its present state."""
    return {name: family for name, family in snapshot.items() if family["kind"] != "gauge"}


def quantile(counts: list[int], share: float) -> float:
    """Seconds below which `share` (0…1) of the observations lie, interpolated within the bucket."""
    total = sum(counts)
    if not total:
        return 0.0
    wanted, seen, lower = share * total, 0, 0.0
    for bound, count in zip(LATENCY_BOUNDS, counts, strict=False):
        if count and seen + count >= wanted:
            return lower + (bound - lower) * (wanted - seen) / count
        seen, lower = seen + count, bound
    return lower


def _sum(left: Any, right: Any) -> Any:
    if isinstance(left, list):
        return [a + b for a, b in zip(left, right, strict=True)]
    return left + right
