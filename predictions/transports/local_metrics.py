"""What classes in this process count, under the names and labels of Seldon Core's wrapper.

Authors choose names and labels: what Prometheus could not read, what has a name of ours, and what is more
than a unit may have, is left out and counted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from common.metrics import REGISTRY, SOURCES, Counter, Snapshot, merge_snapshots
from microservice.metrics import BUCKETS, CALL_SECONDS, Labels, Meter, Series
from microservice.settings import Identity

MAX_SERIES: Final = 1000
_LONGEST_VALUE: Final = 256
_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,199}")
_LABEL: Final = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]{0,99}")
DROPPED: Final = Counter(
    "seldon_unit_metrics_dropped",
    "Metrics of units in the process that were left out: bad names or numbers, or too many series.",
    ("namespace", "deployment_name"),
)


class UnitMeter(Meter):
    """What one class counts, bounded; it is told at `/metrics` until it is closed."""

    def __init__(self, namespace: str, identity: Identity) -> None:
        super().__init__()
        self.identity = identity
        self._namespace = namespace
        # Of the former of the same unit, which drains, the gauges say nothing any more.
        for former in METERS:
            if (former._namespace, former.identity) == (namespace, identity):
                former.gauges = {}
        METERS.append(self)

    def close(self) -> None:
        """Tell of it no more."""
        if self in METERS:
            METERS.remove(self)

    def count(self, name: str, labels: Labels, amount: float = 1.0) -> None:
        """Add to a counter."""
        name = name.removesuffix("_total")
        if self._takes(self.counters, (name, labels), amount):
            super().count(name, labels, amount)

    def set_gauge(self, name: str, labels: Labels, value: float) -> None:
        """Set a gauge."""
        if self._takes(self.gauges, (name, labels), value):
            super().set_gauge(name, labels, value)

    def observe(self, name: str, labels: Labels, seconds: float) -> None:
        """Add one duration to a histogram; how long calls take is counted by whoever makes them."""
        if name != CALL_SECONDS and self._takes(self.times, (name, labels), seconds):
            super().observe(name, labels, seconds)

    def _takes(self, known: Mapping[Series, Any], series: Series, value: float) -> bool:
        is_taken = math.isfinite(value) and (series in known or self._is_new_one_fine(series))
        if not is_taken:
            DROPPED.add((self._namespace, self.identity.deployment))
        return is_taken

    def _is_new_one_fine(self, series: Series) -> bool:
        name, labels = series
        if len(self.counters) + len(self.gauges) + len(self.times) >= MAX_SERIES:
            return False
        if not _NAME.fullmatch(name) or is_ours(name):
            return False
        return all(_LABEL.fullmatch(key) and len(value) <= _LONGEST_VALUE for key, value in labels)

    def told(self) -> Snapshot:
        """All of it, as the machine's snapshots have it."""
        found = self.snapshot()
        rows: Snapshot = {}
        for kind, values in (("counter", found["counters"]), ("gauge", found["gauges"])):
            for name, labels, value in values:
                self._family(rows, kind, name, labels)["values"].append(_row(self._namespace, labels, value))
        for name, labels, (seconds, *counts) in found["times"]:
            family = self._family(rows, "histogram", name, labels)
            family["bounds"] = list(BUCKETS)
            family["values"].append(_row(self._namespace, labels, [*counts, seconds]))
        return rows

    def _family(self, rows: Snapshot, kind: str, name: str, labels: Labels) -> dict[str, Any]:
        names = ["namespace", *(key for key, _ in labels if key != "namespace")]
        empty = {"kind": kind, "name": name, "help": "Counted by units.", "labels": names, "values": []}
        return rows.setdefault(" ".join([name, kind, *names]), empty)


def is_ours(name: str) -> bool:
    """Whether a metric of that name would be taken for one of the product's own."""
    return name.startswith(tuple(REGISTRY))


def _row(namespace: str, labels: Labels, value: Any) -> tuple[list[str], Any]:
    values = [value for key, value in labels if key != "namespace"]
    return [namespace, *(each.encode("utf-8", "replace").decode() for each in values)], value


METERS: Final[list[UnitMeter]] = []


def _told() -> Snapshot:
    return merge_snapshots([meter.told() for meter in list(METERS)])


SOURCES.append(_told)
