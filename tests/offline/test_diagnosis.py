"""Findings about background runs and what they need."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from common import clock
from common.diagnosis import Finding
from offline import diagnosis
from offline.models import all_runs
from stores.config import use_store
from stores.config.memory import MemoryConfigStore
from tests.offline.conftest import Queue
from tests.servers_redis import RedisServer

pytestmark = pytest.mark.django_db


def found(look: Any) -> dict[str, Finding]:
    return {finding.id: finding for finding in look()}


def test_nothing_waits(acme: Any) -> None:
    assert list(found(diagnosis.look_at_runs)) == ["runs.none-waits"]


def test_run_that_nobody_takes(queue: Queue) -> None:
    queue("count")
    all_runs().update(requested_at=clock.now() - timedelta(hours=1))
    finding = found(diagnosis.look_at_runs)["runs.stuck"]
    assert finding.severity == "error"
    assert "RUN_WORKERS" in finding.mend


def test_run_that_lost_its_worker(queue: Queue) -> None:
    queue("count")
    all_runs().update(state="running", lease_until=clock.now() - timedelta(hours=1))
    assert "runs.lost" in found(diagnosis.look_at_runs)


def test_run_that_failed(queue: Queue) -> None:
    run = queue("count")
    all_runs().update(state="failed", finished_at=clock.now(), error_code="job_failed")
    assert f"run logs {run.pk}" in found(diagnosis.look_at_runs)["runs.failing"].mend


class SpoiledStore(MemoryConfigStore):
    """Takes whatever it is given, as a store does that other tools write."""

    def spoil(self, path: str, text: str) -> None:
        self._write(path, text, "ada", None)


def test_schedules_that_cannot_be_used() -> None:
    store = SpoiledStore()
    store.spoil("/config/schedules", '{"schedules": 7}')
    with use_store(store):
        assert found(diagnosis.look_at_schedules)["runs.schedules-wrong"].where == "/config/schedules"


def test_broker(redis_server: RedisServer, settings: Any) -> None:
    settings.CELERY_BROKER_URL = redis_server.url
    assert list(found(diagnosis.look_at_broker)) == ["runs.broker"]
    settings.CELERY_BROKER_URL = "redis://:secret@127.0.0.1:9/0"
    finding = found(diagnosis.look_at_broker)["runs.broker-away"]
    assert "secret" not in repr(finding)


def test_store_of_the_jobs(settings: Any, tmp_path: Path) -> None:
    settings.SELDON_STORE = str(tmp_path)
    assert list(found(diagnosis.look_at_store)) == ["runs.store"]
    settings.SELDON_STORE = "gopher://nowhere"
    assert list(found(diagnosis.look_at_store)) == ["runs.store-away"]
