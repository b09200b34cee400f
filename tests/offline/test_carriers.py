"""Both ways to carry runs keep the same promises: embedded workers, and Celery with a real Redis."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.conf import settings as django_settings
from django.db import connection

from clients.records import By
from common import clock
from deploy.waiting import wait_until
from offline import services
from offline.models import JobRun, all_runs
from seldon_api import env
from tests.migrated import ROOT
from tests.offline.conftest import Queue
from tests.servers_redis import RedisServer, redis

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

LEASE_SECONDS = "4"


class Workers:
    """Starts worker processes on the database of the tests, and kills them."""

    def __init__(self, folder: Path, broker: RedisServer | None) -> None:
        self.broker = broker
        self.processes: list[subprocess.Popen[bytes]] = []
        self._environment = env.child_environment(
            SELDON_DATA=str(folder),
            DATABASE_URL=_database_url(),
            DJANGO_SETTINGS_MODULE="seldon_api.settings",
            RUN_LEASE_SECONDS=LEASE_SECONDS,
            CELERY_BROKER_URL=broker.url if broker else "",
        )

    def start(self, runs_at_once: int = 1) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.offline.working", str(runs_at_once)],
            cwd=ROOT,
            env=self._environment,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait(60)

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill(process)


def _database_url() -> str:
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite://{database['NAME']}"
    return f"{str(django_settings.DATABASE_URL).rpartition('/')[0]}/{database['NAME']}"


@pytest.fixture(params=["embedded", "celery"])
def workers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workers]:
    with ExitStack() as stack:
        broker = stack.enter_context(redis(tmp_path)) if request.param == "celery" else None
        found = Workers(tmp_path, broker)
        yield found
        found.end()


def state(run: JobRun) -> str:
    return services.get_run(run=run.pk).state


def wait_for(run: JobRun, *states: str, seconds: float = 80) -> JobRun:
    assert wait_until(lambda: state(run) in states, seconds), services.get_run(run=run.pk).log
    return services.get_run(run=run.pk)


def wait_for_progress(run: JobRun) -> None:
    assert wait_until(lambda: services.get_run(run=run.pk).done > 0, 80)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_runs_are_carried_out(workers: Workers, queue: Queue) -> None:
    workers.start(2)
    runs = [queue(job, day=day, numbers=[day]) for day in range(3) for job in ("light_add", "add")]
    results = [wait_for(run, "succeeded").result for run in runs]
    assert [result["sum"] for result in results if result] == [0, 0, 1, 1, 2, 2]


def test_run_of_a_killed_worker_is_taken_by_another_and_its_output_is_there_once(
    workers: Workers, queue: Queue, tmp_path: Path
) -> None:
    first = workers.start()
    run = queue("count", path=str(tmp_path / "lines"), lines=60)
    wait_for_progress(run)
    workers.kill(first)
    killed_at = clock.monotonic()
    workers.start()
    assert wait_until(lambda: services.get_run(run=run.pk).attempt == 2, 80)
    # With leases of 10 seconds the same takes at most 15.
    assert clock.monotonic() - killed_at < 60
    wait_for(run, "succeeded")
    assert (tmp_path / "lines").read_text().split() == [str(number) for number in range(60)]
    assert len((tmp_path / "lines.published").read_text().split()) == 1


def test_nothing_of_a_job_outlives_its_worker(workers: Workers, queue: Queue, tmp_path: Path) -> None:
    worker = workers.start()
    run = queue("block", path=str(tmp_path / "pids"))
    wait_for_progress(run)
    workers.kill(worker)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    assert wait_until(lambda: not any(map(is_alive, pids)), 60)


def test_stopped_worker_gives_its_run_back_at_once(workers: Workers, queue: Queue) -> None:
    first = workers.start()
    run = queue("report_for_ever")
    wait_for_progress(run)
    first.terminate()
    assert first.wait(60) == 0
    assert services.get_run(run=run.pk).failures == 0
    assert state(run) == "queued"


def test_running_run_is_cancelled(workers: Workers, queue: Queue) -> None:
    workers.start()
    run = queue("report_for_ever")
    wait_for_progress(run)
    services.cancel_run(run=services.get_run(run=run.pk), by=By("cli:tester"))
    wait_for(run, "cancelled", seconds=80)


def test_failed_run_is_tried_again_until_it_is_given_up(workers: Workers, queue: Queue) -> None:
    workers.start()
    run = wait_for(queue("light_fail"), "failed")
    assert (run.attempt, run.failures) == (3, 3)


@pytest.mark.journey
def test_light_job_that_does_not_end_takes_its_worker_with_it(workers: Workers, queue: Queue) -> None:
    worker = workers.start()
    run = queue("light_sleep")
    wait_for_progress(run)
    services.cancel_run(run=services.get_run(run=run.pk), by=By("cli:tester"))
    assert worker.wait(30) == 75
    workers.start()
    wait_for(run, "cancelled")


@pytest.mark.journey
def test_worker_that_was_asleep_over_its_lease_writes_nothing_more(
    workers: Workers, queue: Queue, tmp_path: Path
) -> None:
    sleeper = workers.start()
    # It takes longer than its lease lasts without its worker.
    run = queue("count", path=str(tmp_path / "lines"), lines=160)
    wait_for_progress(run)
    os.kill(sleeper.pid, signal.SIGSTOP)
    workers.start()
    assert wait_until(lambda: services.get_run(run=run.pk).attempt == 2, 40)
    os.kill(sleeper.pid, signal.SIGCONT)
    wait_for(run, "succeeded")
    assert len((tmp_path / "lines.published").read_text().split()) == 1


@pytest.mark.journey
def test_twenty_kills_at_random_moments_lose_and_double_nothing(
    workers: Workers, queue: Queue, tmp_path: Path
) -> None:
    chance = random.Random(20)
    runs = [queue("count", day=day, path=str(tmp_path / f"day-{day}"), lines=12) for day in range(6)]
    process = workers.start(3)
    for _ in range(20):
        time.sleep(chance.uniform(0.1, 1.6))
        workers.kill(process)
        process = workers.start(3)
    for run in runs:
        wait_for(run, "succeeded", "failed", seconds=60)
    assert {state(run) for run in runs} == {"succeeded"}
    for day in range(6):
        assert (tmp_path / f"day-{day}").read_text().split() == [str(number) for number in range(12)]
        assert len((tmp_path / f"day-{day}.published").read_text().split()) == 1


# -- the broker ------------------------------------------------------------------------------------


@contextmanager
def celery_workers(folder: Path) -> Iterator[Workers]:
    with redis(folder) as broker:
        found = Workers(folder, broker)
        yield found
        found.end()


def test_broker_that_is_killed_and_comes_back_empty_loses_no_run(queue: Queue, tmp_path: Path) -> None:
    with celery_workers(tmp_path) as workers:
        assert workers.broker is not None
        workers.start()
        wait_for(queue("light_add", day=1), "succeeded")
        workers.broker.kill()
        run = queue("light_add", day=2)
        wait_until(lambda: False, 2)
        assert state(run) == "queued"
        workers.broker.start()
        wait_for(run, "succeeded")


def test_message_that_is_lost_is_sent_again(queue: Queue, tmp_path: Path) -> None:
    with celery_workers(tmp_path) as workers:
        assert workers.broker is not None
        run = queue("light_add")
        all_runs().filter(pk=run.pk).update(announced_at=clock.now())
        workers.start()
        wait_for(run, "succeeded")


def test_message_that_comes_twice_is_carried_out_once(queue: Queue, tmp_path: Path) -> None:
    with celery_workers(tmp_path) as workers:
        run = queue("count", path=str(tmp_path / "lines"), lines=10)
        for _ in range(5):
            _send(workers, run)
        workers.start(3)
        wait_for(run, "succeeded")
        assert (tmp_path / "lines.published").read_text().count("\n") == 1
        assert services.get_run(run=run.pk).attempt == 1


def _send(workers: Workers, run: JobRun) -> None:
    assert workers.broker is not None
    app: Any = Celery("test", broker=workers.broker.url)
    with app:
        app.send_task("offline.carry_out", (run.pk,), queue="seldon-runs", ignore_result=True)
