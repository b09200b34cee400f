"""How right a detector was: outcomes counted, and the usual ratios of them as gauges."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Json = dict[str, Any]


def count_outcomes(flags: Array, truth: Array) -> Array:
    """Return (4,): true positives, false positives, true negatives, false negatives."""
    flagged, real = np.asarray(flags) == 1, np.asarray(truth) == 1
    pairs = (flagged & real, flagged & ~real, ~flagged & ~real, ~flagged & real)
    return np.array([float(pair.sum()) for pair in pairs])


def measure(outcomes: Array, suffix: str) -> list[Json]:
    """Return accuracy, precision, recall and F1 as gauges; a ratio of nothing is 0."""
    right, wrong, passed, missed = outcomes.tolist()
    precision, recall = share(right, right + wrong), share(right, right + missed)
    values = {
        "accuracy": share(right + passed, right + wrong + passed + missed),
        "precision": precision,
        "recall": recall,
        "f1_score": share(2 * precision * recall, precision + recall),
    }
    return [gauge(f"{name}_{suffix}", value) for name, value in values.items()]


def share(part: float, whole: float) -> float:
    """Return a ratio, 0 when there is nothing to divide by."""
    return part / whole if whole else 0.0


def gauge(key: str, value: float, **tags: str) -> Json:
    """Return one gauge as a class's `metrics` would."""
    metric: Json = {"type": "GAUGE", "key": key, "value": value}
    return metric | {"tags": tags} if tags else metric
