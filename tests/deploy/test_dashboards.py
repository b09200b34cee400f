"""Dashboards and alert rules: valid, and every metric and label in them exists."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from docs.metrics import metrics, shown_name
from tests.architecture.source import ROOT

DASHBOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
PROMETHEUS = ROOT / "deploy" / "prometheus"
SELECTOR = re.compile(r"\b(seldon_\w+)(?:\{([^}]*)\})?")
# Given by Prometheus to everything it scrapes.
OF_PROMETHEUS = {"instance", "le"}
SUFFIXES = ("_bucket", "_count", "_sum")
# What units count themselves, with their wrapper's labels and `namespace` of the job seldon-units.
OF_UNITS = ("seldon_api_model_feedback_total", "seldon_api_model_feedback_reward_total")
UNIT_LABELS = {"namespace", "deployment_name", "predictor_name", "model_name", "model_image", "model_version"}


@cache
def known() -> dict[str, set[str]]:
    ours = {shown_name(metric): set(metric.labels) | OF_PROMETHEUS for metric in metrics()}
    return ours | dict.fromkeys(OF_UNITS, UNIT_LABELS)


def board(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def expressions(path: Path) -> Iterator[str]:
    found = board(path)
    yield from (target["expr"] for panel in found["panels"] for target in panel["targets"])
    yield from (one["query"]["query"] for one in found["templating"]["list"] if one["type"] == "query")


def faults(expression: str) -> list[str]:
    """Metrics and labels of `expression` that nobody counts."""
    wrong = []
    labels: set[str] = set(OF_PROMETHEUS)
    for name, selector in SELECTOR.findall(expression):
        base = next((name.removesuffix(end) for end in SUFFIXES if name.endswith(end)), name)
        if base not in known():
            wrong.append(name)
            continue
        labels |= known()[base]
        used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
        wrong += [f"{name}{{{label}}}" for label in sorted(used - known()[base])]
    grouped = {
        word.strip() for words in re.findall(r"by \(([^)]*)\)", expression) for word in words.split(",")
    }
    return wrong + sorted(grouped - labels)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_metric_and_label_of_a_dashboard_exists(path: Path) -> None:
    assert [(one, wrong) for one in expressions(path) if (wrong := faults(one))] == []


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboard_takes_its_prometheus_from_a_variable(path: Path) -> None:
    found = board(path)
    variables = {one["name"]: one["type"] for one in found["templating"]["list"]}
    sources = {panel["datasource"]["uid"] for panel in found["panels"]}
    assert variables["datasource"] == "datasource"
    assert sources == {"${datasource}"}
    assert found["uid"] == path.stem
    used = set(re.findall(r"\$(\w+)", " ".join(expressions(path)))) - {"__rate_interval", "__interval"}
    assert used <= variables.keys()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_fill_the_page_without_lying_over_each_other(path: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board(path)["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_metric_and_label_of_the_rules_exists() -> None:
    text = (PROMETHEUS / "seldon-api.rules.yml").read_text()
    found = re.findall(r"expr: (\|\n(?: {10}.*\n)+|.+)", text)
    assert len(found) >= 8
    assert [(one, wrong) for one in found if "up{" not in one and (wrong := faults(one))] == []


def test_what_nobody_counts_is_found() -> None:
    assert faults('sum by (colour) (rate(seldon_nothing_total{a="b"}[5m]))') == [
        "seldon_nothing_total",
        "colour",
    ]
    assert faults('seldon_requests_total{colour="red"}') == ["seldon_requests_total{colour}"]


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool (Debian's prometheus) is not installed"
)
@pytest.mark.parametrize(
    "words", [("check", "rules", "seldon-api.rules.yml"), ("check", "config", "prometheus.yml")], ids=" ".join
)
def test_prometheus_itself_finds_no_fault(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        ["promtool", *words], cwd=PROMETHEUS, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
