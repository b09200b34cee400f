"""Attempts carried out for real: in processes of their own, or in a thread; ended in every way there is."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now

from clients.records import By
from deploy.waiting import wait_until
from offline import leases, services
from offline.execution.attempt import Attempt
from offline.models import JobRun, all_runs
from offline.records import LOG_CHARACTERS
from tests.offline.conftest import Queue, carry_out

pytestmark = pytest.mark.django_db(transaction=True)

BY = By("cli:tester")
BOTH = pytest.mark.parametrize("kind", ["", "light_"], ids=["heavy", "light"])


@contextmanager
def under_way(run: JobRun, stopping: Event | None = None) -> Iterator[threading.Thread]:
    """`run` carried out in a thread of its own, which has begun to report."""

    def work() -> None:
        try:
            carry_out(run, stopping)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    assert wait_until(lambda: again(run).note != "", 60)
    yield thread
    thread.join(60)
    assert not thread.is_alive()


def again(run: JobRun) -> JobRun:
    return services.get_run(run=run.pk)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@BOTH
def test_result_progress_and_log_are_kept(queue: Queue, kind: str) -> None:
    run = carry_out(queue(f"{kind}add", numbers=[1, 2, 3]))
    assert (run.state, run.error) == ("succeeded", "")
    assert run.result == {"sum": 6, "client": "acme", "day": 16461}
    assert (run.done, run.total, run.note) == (1, 2, "half")
    assert "adding {'numbers': [1, 2, 3]}\n" in run.log
    assert run.log_end == len(run.log)
    assert run.seconds is not None


def test_run_of_the_installation_has_no_client(queue: Queue) -> None:
    assert carry_out(queue("common")).result == {"sum": 0, "client": None, "day": 16461}


@BOTH
def test_fault_of_a_job_is_told_with_its_place_in_the_log(queue: Queue, kind: str) -> None:
    run = carry_out(queue(f"{kind}fail", words="it broke"))
    assert (run.state, run.error, run.error_code) == ("queued", "ValueError: it broke", "job_raised")
    assert "Traceback" in run.log
    assert "in _fail" in run.log


def test_log_goes_on_over_attempts(queue: Queue) -> None:
    run = carry_out(queue("fail"))
    assert wait_until(lambda: all_runs().due().exists(), 60)
    run = carry_out(run)
    assert run.log.count("Traceback") == 2
    assert "--- attempt 2 ---" in run.log


def test_refusal_in_our_own_words_is_final_when_trying_again_cannot_help(queue: Queue) -> None:
    refused, waiting = carry_out(queue("refuse")), carry_out(queue("wait_for_store"))
    assert (refused.state, refused.error_code) == ("failed", "job_parameters")
    assert (waiting.state, waiting.error) == ("queued", "the store cannot be reached")


def test_result_that_is_not_json_is_told(queue: Queue) -> None:
    assert carry_out(queue("not_json")).error.startswith("Its result is not JSON")


@BOTH
def test_cancelled_job_ends_when_it_reports(queue: Queue, kind: str) -> None:
    run = queue(f"{kind or 'light_'}report" if kind else "report_for_ever")
    with under_way(run):
        services.cancel_run(run=again(run), by=BY)
    assert again(run).state == "cancelled"
    assert "asked to end: it was cancelled" in again(run).log


def test_cancelled_job_that_hears_nothing_is_killed_with_its_children(queue: Queue, tmp_path: Path) -> None:
    run = queue("block", path=str(tmp_path / "pids"))
    with under_way(run):
        services.cancel_run(run=again(run), by=BY)
    assert again(run).state == "cancelled"
    assert [pid for pid in (tmp_path / "pids").read_text().split() if is_alive(int(pid))] == []


def test_job_that_takes_too_long_is_ended(queue: Queue) -> None:
    run = carry_out(queue("block_shortly"))
    assert (run.state, run.error) == ("failed", "It took longer than 0.5 seconds.")


@BOTH
def test_worker_that_stops_gives_its_run_back(queue: Queue, kind: str) -> None:
    run, stopping = queue("light_report" if kind else "report_for_ever"), Event()
    with under_way(run, stopping):
        stopping.set()
    assert (again(run).state, again(run).owner, again(run).failures) == ("queued", "", 0)
    assert leases.claim_run(run.pk) is not None


def test_job_whose_run_another_worker_has_is_killed(queue: Queue) -> None:
    run = queue("block")
    with under_way(run):
        all_runs().filter(pk=run.pk).update(owner="another", attempt=7, note="of another")
    assert (again(run).state, again(run).attempt, again(run).note) == ("running", 7, "of another")


def test_job_is_killed_when_the_database_is_away_until_the_lease_is_over(
    queue: Queue, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RUN_LEASE_SECONDS = 3.0

    def refuse(*_: object) -> None:
        raise OperationalError("server closed the connection")

    run = queue("block", path=str(tmp_path / "pids"))
    with under_way(run):
        monkeypatch.setattr(leases, "tell", refuse)
    assert [pid for pid in (tmp_path / "pids").read_text().split() if is_alive(int(pid))] == []
    assert again(run).state == "running"
    assert wait_until(lambda: all_runs().lost().filter(pk=run.pk).exists(), 60)


def test_end_is_written_when_the_database_is_back(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter(range(2))
    end = leases.end

    def refuse_twice(*given: object) -> str:
        if next(failures, None) is not None:
            raise OperationalError("the database system is starting up")
        return end(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(leases, "end", refuse_twice)
    assert carry_out(queue("add")).state == "succeeded"


def test_job_that_prints_a_hundred_megabytes_leaves_the_last_of_it(queue: Queue) -> None:
    run = carry_out(queue("print_much", megabytes=100))
    assert (run.state, run.error) == ("succeeded", "")
    assert len(run.log) <= LOG_CHARACTERS
    assert run.log.endswith("the end\n")
    assert run.log_end > 100_000_000


def test_job_that_leaks_is_ended_and_told_so(queue: Queue) -> None:
    run = carry_out(queue("leak"))
    assert (run.state, run.error) == ("failed", "It needed more memory than its limit of 200 MiB.")


def test_what_a_job_starts_counts_too(queue: Queue) -> None:
    run = carry_out(queue("leak_in_children"))
    assert run.error_code == "out_of_memory"


def test_job_whose_process_is_killed_is_told_so(queue: Queue) -> None:
    run = carry_out(queue("die"))
    assert (run.state, run.error_code) == ("failed", "process_died")
    assert "SIGKILL" in run.error


def test_lease_that_ended_before_the_work_began_ends_it(queue: Queue, tmp_path: Path) -> None:
    run = queue("count", path=str(tmp_path / "lines"))
    claim = leases.claim_run(run.pk)
    assert claim is not None
    all_runs().filter(pk=run.pk).update(lease_until=Now() - timedelta(seconds=1))
    assert leases.claim_run(run.pk) is not None
    assert Attempt(claim, Event(), 0.3).carry_out() == "lost"
    assert not (tmp_path / "lines").exists()


def test_executor_leaves_no_descriptor_open(queue: Queue) -> None:
    carry_out(queue("add", day=1))
    before = len(os.listdir("/proc/self/fd"))
    for day in range(2, 5):
        carry_out(queue("add", day=day))
    assert len(os.listdir("/proc/self/fd")) == before
