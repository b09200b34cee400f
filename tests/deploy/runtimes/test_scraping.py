"""Targets of units for Prometheus."""

from __future__ import annotations

import json
from pathlib import Path

from deploy.runtimes.local.scraping import NAME, write_targets
from tests.deploy.runtimes.planned import instance, unit

TELLS = unit(variables=(("PREDICTIVE_UNIT_METRICS_ENDPOINT", "/prometheus"),))


def test_each_process_that_has_metrics_is_a_target_under_its_own_name(tmp_path: Path) -> None:
    write_targets(tmp_path, [instance(TELLS), instance(TELLS, 1), instance(unit("explainer"), 2)])
    told = json.loads((tmp_path / NAME).read_text())
    assert [each["targets"] for each in told] == [["127.0.0.1:20002"], ["127.0.0.1:20005"]]
    assert told[1]["labels"] == {
        "__metrics_path__": "/prometheus", "instance": "acme/iris/main/classifier/1", "namespace": "acme",
    }  # fmt: skip


def test_targets_are_those_of_now_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_targets(tmp_path, [instance(TELLS)])
    write_targets(tmp_path, [])
    assert [(path.name, json.loads(path.read_text())) for path in tmp_path.iterdir()] == [(NAME, [])]
