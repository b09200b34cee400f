"""seldon_core.metrics: the functions that make a hook's metrics."""

from __future__ import annotations

from typing import Any

from microservice.component import is_metric

COUNTER, GAUGE, TIMER = "COUNTER", "GAUGE", "TIMER"
Metric = dict[str, Any]


def create_counter(key: str, value: float, tags: dict[str, str] | None = None) -> Metric:
    """Return a metric that adds `value` to a counter."""
    return make(COUNTER, key, value, tags)


def create_gauge(key: str, value: float, tags: dict[str, str] | None = None) -> Metric:
    """Return a metric that sets a gauge."""
    return make(GAUGE, key, value, tags)


def create_timer(key: str, value: float, tags: dict[str, str] | None = None) -> Metric:
    """Return a metric that adds a duration in milliseconds to a histogram."""
    return make(TIMER, key, value, tags)


def validate_metrics(metrics: Any) -> bool:
    """Say whether a hook may return these metrics."""
    return isinstance(metrics, list) and all(is_metric(metric) for metric in metrics)


def make(kind: str, key: str, value: float, tags: dict[str, str] | None) -> Metric:
    """Return a metric; one without tags has no field for them."""
    metric: Metric = {"key": key, "type": kind, "value": value}
    return metric | {"tags": tags} if tags else metric


def split_image_tag(image: str) -> tuple[str, str]:
    """Return an image's name and its tag, which may be empty."""
    name, colon, tag = image.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (image, "")
