"""Old runs are deleted, and only those."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from common import clock
from offline.models import all_runs
from tests.offline.conftest import Queue, carry_out

pytestmark = pytest.mark.django_db(transaction=True)


def test_runs_that_ended_long_ago_are_deleted(queue: Queue, settings: Any) -> None:
    settings.RUNS_KEEP_DAYS = 7
    old, young, waiting = (queue("add", day=day) for day in range(3))
    ended = clock.now() - timedelta(days=8)
    all_runs().filter(pk=old.pk).update(state="failed", finished_at=ended)
    all_runs().filter(pk=young.pk).update(state="failed", finished_at=ended + timedelta(days=2))
    all_runs().filter(pk=waiting.pk).update(requested_at=ended)
    sweep = carry_out(queue("sweep_runs"))
    assert sweep.result == {"deleted": 1}
    assert set(all_runs().values_list("pk", flat=True)) == {young.pk, waiting.pk, sweep.pk}


def test_nothing_is_deleted_when_runs_are_kept(queue: Queue, settings: Any) -> None:
    settings.RUNS_KEEP_DAYS = 0
    run = queue("add")
    all_runs().filter(pk=run.pk).update(state="failed", finished_at=clock.now() - timedelta(days=9999))
    carry_out(queue("sweep_runs"))
    assert all_runs().filter(pk=run.pk).exists()
