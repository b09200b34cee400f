"""Metrics over all processes of a machine: one snapshot file each, folded when the process is gone."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest

from common.metrics import (
    LATENCY_BOUNDS,
    Snapshot,
    merge_snapshots,
    take_snapshot,
    without_gauges,
)


def metrics_folder(data_folder: Path) -> Path:
    """Where the processes of the machine with this data folder leave their snapshots."""
    return data_folder / "run" / "metrics"


def write_snapshot(folder: Path) -> None:
    """Put this process's snapshot into `folder`, atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{os.getpid()}.json"
    fresh = target.with_suffix(".tmp")
    fresh.write_bytes(orjson.dumps(take_snapshot()))
    fresh.replace(target)


def read_snapshots(folder: Path) -> Snapshot:
    """The sum over all processes that wrote into `folder`, the dead ones folded first."""
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        # What cannot be folded on a full disk is summed up as it lies there.
        with contextlib.suppress(OSError):
            _fold_dead(folder)
        return merge_snapshots(_read(path) for path in sorted(folder.glob("*.json")))


def render_prometheus(snapshot: Snapshot) -> bytes:
    """`snapshot` in Prometheus's text format 0.0.4."""
    registry = CollectorRegistry()
    registry.register(_SnapshotCollector(snapshot))
    return generate_latest(registry)


class MetricsFilePart:
    """Keeps this process's snapshot file fresh."""

    name = "metrics"

    def __init__(self, folder: Path, every_seconds: float = 1.0) -> None:
        self.folder = folder
        self.every_seconds = every_seconds
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin writing."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Write a last time."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._write()

    def problem(self) -> str | None:
        """Metrics that cannot be written do not make a worker unready: the data plane goes on."""
        return None

    async def _run(self) -> None:
        while True:
            self._write()
            await asyncio.sleep(self.every_seconds)

    def _write(self) -> None:
        # A full disk must not stop the worker; the next turn writes again.
        with contextlib.suppress(OSError):
            write_snapshot(self.folder)


class _SnapshotCollector:
    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        made: dict[str, Metric] = {}
        for key, family in sorted(self.snapshot.items()):
            fresh = _family(family.get("name", key), family)
            known = made.setdefault(fresh.name, fresh)
            # A name is of one kind; whoever uses it for another is not told of.
            if known is not fresh and known.type == fresh.type:
                known.samples += fresh.samples
        yield from made.values()


def _family(name: str, family: dict[str, Any]) -> Metric:
    if family["kind"] == "histogram":
        bounds = family.get("bounds", LATENCY_BOUNDS)
        histogram = HistogramMetricFamily(name, family["help"], labels=family["labels"])
        for labels, row in family["values"]:
            histogram.add_metric(labels, _cumulative(bounds, row), row[-1])
        return histogram
    kind = CounterMetricFamily if family["kind"] == "counter" else GaugeMetricFamily
    plain = kind(name, family["help"], labels=family["labels"])
    for labels, value in family["values"]:
        plain.add_metric(labels, value)
    return plain


def _cumulative(bounds: Iterable[float], row: list[float]) -> list[tuple[str, float]]:
    buckets, total = [], 0.0
    for bound, count in zip((*map(str, bounds), "+Inf"), row, strict=False):
        total += count
        buckets.append((bound, total))
    return buckets


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(path: Path) -> Snapshot:
    try:
        snapshot: Snapshot = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return snapshot


def _fold_dead(folder: Path) -> None:
    dead = [path for path in folder.glob("*.json") if path.stem.isdigit() and not _is_alive(int(path.stem))]
    if not dead:
        return
    folded = folder / "folded.json"
    left_behind = [without_gauges(_read(path)) for path in dead]
    fresh = folded.with_suffix(".tmp")
    fresh.write_bytes(orjson.dumps(merge_snapshots([_read(folded), *left_behind])))
    fresh.replace(folded)
    for path in dead:
        path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
