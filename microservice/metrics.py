"""Counters, gauges and times of all workers: each writes a snapshot file, and any of them answers for all."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from prometheus_client import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from microservice.settings import Identity

log = logging.getLogger(__name__)
CONTENT_TYPE = CONTENT_TYPE_LATEST
UNSET = "NOT_IMPLEMENTED"
CALL_SECONDS = "seldon_microservice_request_seconds"
BUCKETS = tuple(round(0.001 * 30_000 ** (step / 50), 6) for step in range(51))

Labels = tuple[tuple[str, str], ...]
Series = tuple[str, Labels]


class Meter:
    """What one worker has counted; safe to use from its model threads.

    Times are `[sum, count per bucket …]` in seconds; the last bucket holds what is longer than 30 s.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counters: dict[Series, float] = {}
        self.gauges: dict[Series, float] = {}
        self.times: dict[Series, list[float]] = {}

    def count(self, name: str, labels: Labels, amount: float = 1.0) -> None:
        """Add to a counter."""
        key = (name, labels)
        with self._lock:
            self.counters[key] = self.counters.get(key, 0.0) + amount

    def set_gauge(self, name: str, labels: Labels, value: float) -> None:
        """Set a gauge."""
        with self._lock:
            self.gauges[name, labels] = value

    def observe(self, name: str, labels: Labels, seconds: float) -> None:
        """Add one duration to a histogram."""
        with self._lock:
            times = self.times.get((name, labels))
            if times is None:
                times = self.times[name, labels] = [0.0] * (len(BUCKETS) + 2)
            times[0] += seconds
            times[1 + bisect_left(BUCKETS, seconds)] += 1

    def snapshot(self) -> dict[str, Any]:
        """Return everything counted, as JSON can hold it."""
        with self._lock:
            return {
                "counters": [[*key, value] for key, value in self.counters.items()],
                "gauges": [[*key, value] for key, value in self.gauges.items()],
                "times": [[*key, list(value)] for key, value in self.times.items()],
            }

    def merge(self, snapshot: Mapping[str, Any]) -> None:
        """Add another worker's snapshot; of two gauges of the same labels the one merged last stays."""
        for name, labels, value in snapshot["counters"]:
            self.count(name, read_labels(labels), value)
        for name, labels, value in snapshot["gauges"]:
            self.set_gauge(name, read_labels(labels), value)
        for name, labels, times in snapshot["times"]:
            known = self.times.get((name, read_labels(labels)), [0.0] * len(times))
            self.times[name, read_labels(labels)] = [a + b for a, b in zip(known, times, strict=True)]


class RequestTimes:
    """How long requests took, by operation and outcome, whichever door they came through."""

    def __init__(self, meter: Meter, model_name: str) -> None:
        self._meter = meter
        self._model_name = model_name
        self._series: dict[tuple[str, str], Labels] = {}

    def observe(self, method: str, code: str, seconds: float) -> None:
        """Add one request; `code` is the HTTP status, or the name of gRPC's."""
        labels = self._series.get((method, code))
        if labels is None:
            labels = (("code", code), ("method", method), ("model_name", self._model_name))
            self._series[method, code] = labels
        self._meter.observe(CALL_SECONDS, labels, seconds)


def read_labels(pairs: Iterable[Iterable[str]]) -> Labels:
    """Return labels that were lists in a snapshot as they are in memory."""
    return tuple((name, value) for name, value in pairs)


class Snapshots:
    """The folder in which the workers of one microservice leave what they counted.

    A worker that died leaves its file behind, and its follower begins another: counters never go back.
    """

    def __init__(self, directory: Path, worker: str) -> None:
        self._directory = directory
        self._own = directory / f"{worker}-{os.getpid()}.json"

    def write(self, meter: Meter) -> None:
        """Write this worker's snapshot, replacing its former one at once."""
        fresh = self._own.with_suffix(".tmp")
        try:
            fresh.write_text(json.dumps(meter.snapshot()))
            fresh.replace(self._own)
        except OSError as error:
            log.warning("the metrics of this worker cannot be written: %s", error)

    def merged(self, meter: Meter) -> Meter:
        """Return what all workers counted: the others' files, this worker's own numbers last."""
        total = Meter()
        files = (file for file in self._directory.glob("*.json") if file != self._own)
        for file in sorted(files, key=lambda file: file.stat().st_mtime):
            total.merge(json.loads(file.read_text()))
        total.merge(meter.snapshot())
        return total


class _Exposition(Collector):
    """Hands the families of a meter to prometheus_client."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def collect(self) -> Iterator[Metric]:
        """Yield one family per name."""
        families: dict[str, Metric] = {}
        for (key, labels), value in sorted(self._meter.counters.items()):
            name = key.removesuffix("_total")
            family = families.setdefault(name, Metric(name, name, "counter"))
            family.add_sample(f"{name}_total", dict(labels), value)
        for (name, labels), value in sorted(self._meter.gauges.items()):
            families.setdefault(name, Metric(name, name, "gauge")).add_sample(name, dict(labels), value)
        for (name, labels), times in sorted(self._meter.times.items()):
            add_times(families.setdefault(name, Metric(name, name, "histogram")), dict(labels), times)
        yield from families.values()


def add_times(family: Metric, labels: dict[str, str], times: list[float]) -> None:
    """Add the samples of one histogram: cumulated buckets, count and sum."""
    total = 0.0
    for bound, number in zip([*map(str, BUCKETS), "+Inf"], times[1:], strict=True):
        total += number
        family.add_sample(f"{family.name}_bucket", labels | {"le": bound}, total)
    family.add_sample(f"{family.name}_count", labels, total)
    family.add_sample(f"{family.name}_sum", labels, times[0])


def render(meter: Meter) -> bytes:
    """Return the Prometheus text of a meter."""
    return generate_latest(_Exposition(meter))


def unit_labels(identity: Identity, model_name: str, worker: str) -> dict[str, str]:
    """Return the labels Seldon Core puts on a component's own metrics.

    `worker_id` is the worker's number, not its process id, so that restarts do not make ever more series.
    """
    image, _, version = identity.image.rpartition(":")
    labels = {
        "deployment_name": identity.deployment,
        "image_name": image or version,
        "image_version": version if image else "",
        "model_image": image or version,
        "model_name": identity.unit or model_name,
        "model_version": version if image else "",
        "predictor_name": identity.predictor,
        "predictor_version": identity.predictor_version,
        "seldon_deployment_name": identity.deployment,
        "worker_id": worker,
    }
    return {name: value or UNSET for name, value in labels.items()}


def record_custom(
    meter: Meter, labels: Mapping[str, str], method: str, metrics: list[dict[str, Any]]
) -> None:
    """Record what a class's `metrics` returned; a TIMER is in milliseconds and is kept in seconds."""
    for entry in metrics:
        tags = {name_for_prometheus(name): str(value) for name, value in (entry.get("tags") or {}).items()}
        series = tuple(sorted((tags | dict(labels) | {"method": method}).items()))
        key = name_for_prometheus(entry["key"], ":")
        if entry["type"] == "COUNTER":
            meter.count(key, series, float(entry["value"]))
        elif entry["type"] == "GAUGE":
            meter.set_gauge(key, series, float(entry["value"]))
        else:
            meter.observe(key, series, float(entry["value"]) / 1000)


@lru_cache(maxsize=1024)
def name_for_prometheus(name: object, more: str = "") -> str:
    """Return a key or a tag's name as Prometheus takes it: `my-metric` is `my_metric`.

    `more` are letters that may stand in it too; one bad name would make the whole page of metrics unreadable.
    """
    made = re.sub(f"[^a-zA-Z0-9_{more}]", "_", str(name))
    return f"_{made}" if made[:1].isdigit() else made
