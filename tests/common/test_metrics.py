"""Metrics: counted in a process, summed over processes, never going back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import metrics
from common.metrics import (
    LATENCY_BOUNDS,
    Counter,
    Gauge,
    Histogram,
    merge_snapshots,
    quantile,
    take_snapshot,
    without_gauges,
)
from common.metrics_files import MetricsFilePart, read_snapshots, render_prometheus, write_snapshot


@pytest.fixture(autouse=True)
def empty_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "REGISTRY", {})


def test_counter_grows_by_label() -> None:
    counter = Counter("calls", "Calls.", ("client",))
    counter.add(("acme",))
    counter.add(("acme",), 2)
    counter.add(("globex",))
    assert counter.values == {("acme",): 3, ("globex",): 1}


def test_snapshots_of_two_processes_are_summed() -> None:
    Counter("calls", "Calls.", ("client",)).add(("acme",))
    Histogram("seconds", "Seconds.").observe(0.004)
    once = take_snapshot()
    twice = merge_snapshots([once, orjson.loads(orjson.dumps(once))])
    assert twice["calls"]["values"] == [[["acme"], 2]]
    assert twice["seconds"]["values"][0][1][-1] == pytest.approx(0.008)


def test_dead_process_leaves_counts_but_no_gauge() -> None:
    Counter("calls", "Calls.").add()
    Gauge("waiting", "Waiting.").set(4)
    assert set(without_gauges(take_snapshot())) == {"calls"}


def test_counts_of_a_dead_process_are_folded_once(tmp_path: Path) -> None:
    Counter("calls", "Calls.").add((), 5)
    write_snapshot(tmp_path)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    next(tmp_path.glob("[0-9]*.json")).rename(tmp_path / f"{dead.pid}.json")
    first = read_snapshots(tmp_path)
    second = read_snapshots(tmp_path)
    assert first["calls"]["values"] == second["calls"]["values"] == [[[], 5]]
    assert not (tmp_path / f"{dead.pid}.json").exists()


def test_half_written_snapshot_is_passed_over(tmp_path: Path) -> None:
    Counter("calls", "Calls.").add()
    write_snapshot(tmp_path)
    (tmp_path / "1.json").write_bytes(b'{"calls": {"ki')
    assert read_snapshots(tmp_path)["calls"]["values"] == [[[], 1]]


def test_prometheus_text_has_cumulative_buckets() -> None:
    histogram = Histogram("seconds", "Seconds.", ("client",))
    for seconds in (0.0001, 0.004, 99):
        histogram.observe(seconds, ("acme",))
    text = render_prometheus(take_snapshot()).decode()
    assert 'seconds_bucket{client="acme",le="0.0005"} 1.0' in text
    assert 'seconds_bucket{client="acme",le="0.005"} 2.0' in text
    assert 'seconds_bucket{client="acme",le="+Inf"} 3.0' in text
    assert 'seconds_count{client="acme"} 3.0' in text


async def test_part_writes_a_last_snapshot_when_it_stops(tmp_path: Path) -> None:
    counter = Counter("calls", "Calls.")
    part = MetricsFilePart(tmp_path, every_seconds=60)
    await part.start()
    counter.add()
    await part.stop()
    assert read_snapshots(tmp_path)["calls"]["values"] == [[[], 1]]


def test_quantile_of_nothing_is_zero() -> None:
    assert quantile([0] * (len(LATENCY_BOUNDS) + 1), 0.99) == 0


@given(st.lists(st.floats(0.0001, 9.9), min_size=1, max_size=50), st.floats(0.01, 1))
def test_quantile_is_within_the_bucket_of_the_true_one(values: list[float], share: float) -> None:
    histogram = Histogram("seconds", "Seconds.")
    for value in values:
        histogram.observe(value)
    counts = histogram.values[()][:-1]
    ordered = sorted(values)
    true = ordered[min(len(ordered) - 1, max(0, -(-round(share * len(ordered) * 1e9) // 10**9) - 1))]
    upper = next(bound for bound in LATENCY_BOUNDS if bound >= true)
    below = [bound for bound in LATENCY_BOUNDS if bound < true]
    assert (below[-1] if below else 0) - 1e-9 <= quantile(counts, share) <= upper + 1e-9
