"""Draws docs/reference/metrics.md: every metric that a process of ours counts."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Final

from common.metrics import REGISTRY, Metric

_ROOT: Final = Path(__file__).resolve().parent.parent
_PACKAGES: Final = (
    "lane",
    "stores",
    "clients",
    "events",
    "predictions",
    "offline",
    "deploy",
    "console",
    "seldon_api",
)


def metrics() -> list[Metric]:
    """Every metric of ours by name, all modules that make one being imported."""
    for package in _PACKAGES:
        for path in sorted((_ROOT / package).rglob("*.py")):
            if "from common.metrics import" in path.read_text() and "migrations" not in path.parts:
                import_module(".".join(path.relative_to(_ROOT).with_suffix("").parts))
    return [REGISTRY[name] for name in sorted(REGISTRY) if name.startswith("seldon_")]


def metrics_table() -> str:
    """What docs/reference/metrics.md lists."""
    head = "| metric | kind | labels | what |\n|---|---|---|---|"
    return "\n".join([head, *map(_row, metrics())])


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
    return f"| `{shown_name(metric)}` | {metric.kind} | {labels} | {metric.help} |"


def shown_name(metric: Metric) -> str:
    """The name at /metrics: Prometheus ends counters in `_total`."""
    if metric.kind == "counter" and not metric.name.endswith("_total"):
        return f"{metric.name}_total"
    return metric.name
