"""Runs are taken by one worker at a time, and only that one writes about them."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Expression, F
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from clients.records import By
from offline import leases, services
from offline.jobs import JOBS, load_job
from offline.models import JobRun, all_runs
from offline.records import MOST_LOSSES, Claim, Ending
from tests.offline.conftest import Queue

OK = Ending("succeeded", result={"rows": 3})
BROKEN = Ending("failed", error="it broke", code="job_raised")
BY = By("cli:tester")


def taken(run: JobRun) -> Claim:
    claim = leases.claim_run(run.pk)
    assert claim is not None
    return claim


def end(claim: Claim, ending: Ending) -> str:
    return leases.end(claim, load_job(claim.job), ending, {"seconds": 1.0})


def lose(run: JobRun) -> None:
    """As if the worker had been silent for long."""
    all_runs().filter(pk=run.pk).update(lease_until=Now() - timedelta(seconds=1))


def again(run: JobRun) -> JobRun:
    return services.get_run(run=run.pk)


def test_claim_holds_what_the_job_is_given(queue: Queue) -> None:
    claim = taken(queue("add", numbers=[1, 2]))
    assert (claim.given.client, claim.given.day, claim.given.parameters) == (
        "acme",
        16461,
        {"numbers": [1, 2]},
    )
    assert claim.attempt == 1


def test_run_that_somebody_has_is_not_taken(queue: Queue) -> None:
    run = queue("add")
    taken(run)
    assert leases.claim_run(run.pk) is None
    assert leases.claim_next() is None


def test_run_that_waited_longest_is_taken_first(queue: Queue) -> None:
    runs = [queue("add", day=day) for day in (3, 1, 2)]
    claims = [leases.claim_next() for _ in runs]
    assert [claim.run for claim in claims if claim is not None] == [run.pk for run in runs]


def test_run_of_a_job_that_is_not_known_here_waits(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    run = queue("add")
    monkeypatch.delitem(JOBS, "add")
    assert leases.claim_run(run.pk) is None


@pytest.mark.django_db(transaction=True)
def test_each_run_goes_to_one_of_many_who_ask_at_once(queue: Queue, settings: Settings) -> None:
    # None of them comes to its end meanwhile, however slow the machine is.
    settings.RUN_LEASE_SECONDS = 600.0
    runs = [queue("add", day=day) for day in range(24)]

    def take(_: int) -> int | None:
        try:
            claim = leases.claim_next()
            return claim.run if claim is not None else None
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        counts = Counter(found for found in pool.map(take, range(36)) if found)
    for claim in iter(leases.claim_next, None):
        assert claim is not None
        counts[claim.run] += 1
    assert counts == Counter(run.pk for run in runs)


@pytest.mark.django_db(transaction=True)
def test_one_run_goes_to_one_of_many_who_want_that_one(queue: Queue, settings: Settings) -> None:
    settings.RUN_LEASE_SECONDS = 600.0
    run = queue("add")

    def take(_: int) -> bool:
        try:
            return leases.claim_run(run.pk) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(take, range(24))) == 1


def test_lease_is_renewed_by_telling_of_oneself(queue: Queue) -> None:
    run = queue("add")
    claim = taken(run)
    lose(run)
    assert leases.tell(claim, {"done": 1, "total": 4}).is_ours
    assert leases.claim_run(run.pk) is None
    assert again(run).share == 0.25


def test_lost_run_is_taken_by_another(queue: Queue) -> None:
    run = queue("add")
    taken(run)
    lose(run)
    claim = leases.claim_next()
    assert claim is not None
    assert (claim.run, claim.attempt) == (run.pk, 2)


def test_worker_whose_run_was_taken_writes_nothing_more(queue: Queue) -> None:
    run = queue("add")
    stale = taken(run)
    lose(run)
    fresh = taken(run)
    assert not leases.tell(stale, {"done": 9, "log": "stale"}).is_ours
    assert end(stale, OK) == "lost"
    assert (again(run).state, again(run).done, again(run).log) == ("running", 0, "")
    assert end(fresh, OK) == "succeeded"


def test_worker_whose_lease_is_over_may_end_a_run_that_nobody_took(queue: Queue) -> None:
    run = queue("add")
    claim = taken(run)
    lose(run)
    assert end(claim, OK) == "succeeded"
    assert again(run).result == {"rows": 3}


def test_clock_of_the_worker_does_not_matter(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    run = queue("add")
    monkeypatch.setattr("common.clock.now", lambda: pytest.fail("the worker's clock was asked"))
    claim = taken(run)
    assert leases.tell(claim, {}).is_ours
    lease = all_runs().filter(pk=run.pk, lease_until__gt=Now() + timedelta(seconds=1))
    assert lease.filter(lease_until__lt=Now() + timedelta(seconds=7)).exists()


def test_failed_run_is_tried_again_later_and_then_given_up(queue: Queue) -> None:
    run = queue("fail")
    assert end(taken(run), BROKEN) == "queued"
    assert again(run).failures == 1
    assert all_runs().filter(pk=run.pk, due_at__gt=F("requested_at")).exists()
    for expected in ("queued", "failed"):
        all_runs().filter(pk=run.pk).update(due_at=Now())
        assert end(taken(run), BROKEN) == expected
    assert (again(run).error, again(run).is_finished) == ("it broke", True)


def test_run_that_waits_for_its_next_attempt_is_not_taken_early(queue: Queue) -> None:
    run = queue("fail")
    end(taken(run), BROKEN)
    all_runs().filter(pk=run.pk).update(due_at=Now() + timedelta(seconds=60))
    assert leases.claim_run(run.pk) is None


def test_pause_between_attempts_doubles(queue: Queue, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    before = leases.from_now

    def note(seconds: float) -> Expression:
        pauses.append(seconds)
        return before(seconds)

    monkeypatch.setattr(leases, "from_now", note)
    run = queue("fail")
    for _ in range(2):
        all_runs().filter(pk=run.pk).update(due_at=None)
        end(taken(run), BROKEN)
    assert [pause for pause in pauses if pause != settings.RUN_LEASE_SECONDS] == [0.05, 0.1]


def test_failure_that_trying_again_cannot_mend_is_final(queue: Queue) -> None:
    assert end(taken(queue("fail")), Ending("failed", error="no such folder", may_help=False)) == "failed"


def test_run_cancelled_while_it_failed_is_not_tried_again(queue: Queue) -> None:
    run = queue("fail")
    claim = taken(run)
    services.cancel_run(run=again(run), by=BY)
    assert leases.tell(claim, {}).is_cancelled
    assert end(claim, BROKEN) == "cancelled"


def test_released_run_may_be_taken_at_once(queue: Queue) -> None:
    run = queue("add")
    assert end(taken(run), Ending("released")) == "queued"
    assert taken(run).attempt == 2
    assert again(run).failures == 0


def test_lost_run_that_was_cancelled_is_not_taken_again(queue: Queue) -> None:
    run = queue("add")
    taken(run)
    services.cancel_run(run=again(run), by=BY)
    lose(run)
    assert leases.claim_run(run.pk) is None
    assert leases.settle_lost() == 1
    assert again(run).state == "cancelled"


def test_run_that_keeps_losing_its_workers_is_given_up(queue: Queue) -> None:
    run = queue("add")
    for _ in range(MOST_LOSSES + 1):
        taken(run)
        lose(run)
    assert leases.claim_run(run.pk) is None
    leases.settle_lost()
    assert (again(run).state, again(run).error_code) == ("failed", "worker_lost")


def test_runs_of_living_workers_are_not_settled(queue: Queue, acme: Any) -> None:
    taken(queue("add"))
    assert leases.settle_lost() == 0
