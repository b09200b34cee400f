"""Counting in one worker, and adding up many."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from microservice.metrics import Meter, Snapshots, record_custom, render, unit_labels
from microservice.settings import Identity

LABELS = (("model_name", "m"),)


def read(meter: Meter) -> dict[str, float]:
    families = text_string_to_metric_families(render(meter).decode())
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_all_workers_are_added_up_also_the_dead_ones(tmp_path: Path) -> None:
    other, own = Meter(), Meter()
    other.count("calls", LABELS, 2)
    other.observe("call_seconds", LABELS, 0.5)
    Snapshots(tmp_path, "1").write(other)
    own.count("calls", LABELS, 3)
    own.observe("call_seconds", LABELS, 40.0)
    found = read(Snapshots(tmp_path, "0").merged(own))
    assert found["calls_total"] == 5
    assert found["call_seconds_count"] == 2
    assert found["call_seconds_sum"] == 40.5


def test_buckets_are_cumulated_and_the_last_is_infinite() -> None:
    meter = Meter()
    for seconds in (0.0005, 0.02, 100.0):
        meter.observe("took", (), seconds)
    lines = render(meter).decode().splitlines()
    assert 'took_bucket{le="0.001"} 1.0' in lines
    assert 'took_bucket{le="30.0"} 2.0' in lines
    assert 'took_bucket{le="+Inf"} 3.0' in lines


def test_a_classs_metrics_become_prometheus_series_with_seldon_cores_labels() -> None:
    meter = Meter()
    labels = unit_labels(Identity("unit", "repo/m:0.1", "main", "v7", "dep"), "m", "0")
    metrics = [
        {"type": "COUNTER", "key": "mycounter", "value": 1},
        {"type": "GAUGE", "key": "mygauge", "value": 100, "tags": {"t": 'v"\n'}},
        {"type": "TIMER", "key": "mytimer", "value": 20.2},
    ]
    for _ in range(2):
        record_custom(meter, labels, "predict", metrics)
    found = read(meter)
    assert (found["mycounter_total"], found["mygauge"], found["mytimer_sum"]) == (2.0, 100.0, 0.0404)
    text = render(meter).decode()
    assert 'method="predict",model_image="repo/m",model_name="unit",model_version="0.1"' in text


def test_names_that_prometheus_does_not_take_are_changed() -> None:
    meter = Meter()
    metrics = [{"type": "COUNTER", "key": "my-metric é", "value": 2, "tags": {"a-b": "v", "7": "w"}}]
    record_custom(meter, {}, "predict", metrics)
    assert 'my_metric___total{_7="w",a_b="v",method="predict"} 2.0' in render(meter).decode()
    assert read(meter) == {"my_metric___total": 2.0}


def test_unset_labels_say_so() -> None:
    labels = unit_labels(Identity(), "m", "0")
    assert labels["deployment_name"] == "NOT_IMPLEMENTED"
    assert labels["model_name"] == "m"
