"""What operations ask is answered also when the machine is in trouble."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from common import metrics
from common.metrics import Counter
from common.metrics_files import write_snapshot
from seldon_api import operations
from seldon_api.operations import operation_routes
from seldon_api.parts import ShippingPart
from tests.lane.doubles import AsgiCaller, make_lane


def full_disk(_: Path) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


async def test_metrics_of_a_moment_ago_are_shown_while_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A registry of its own, because the reference page draws what the product's holds.
    monkeypatch.setattr(metrics, "REGISTRY", {})
    Counter("seldon_test_scraped", "Counted by a test.").add()
    write_snapshot(tmp_path)
    monkeypatch.setattr(operations, "write_snapshot", full_disk)
    answer = await AsgiCaller(make_lane(*operation_routes((), tmp_path)))("GET", "/metrics")
    assert answer.status == 200
    assert b"seldon_test_scraped_total 1.0" in answer.body


async def test_late_records_are_told_by_a_worker_that_is_ready(tmp_path: Path) -> None:
    part = ShippingPart(lambda: "records have been waiting")
    answer = await AsgiCaller(make_lane(*operation_routes([part], tmp_path)))("GET", "/readyz")
    assert answer.status == 200
    assert json.loads(answer.body)["parts"] == {"shipping": "records have been waiting"}


def test_the_spool_is_looked_at_once_a_second_however_often_anybody_asks() -> None:
    now, looks = [0.0], []
    part = ShippingPart(lambda: looks.append(1), lambda: now[0])
    for second in (0.0, 0.5, 0.9, 1.0):
        now[0] = second
        part.problem()
    assert len(looks) == 2
