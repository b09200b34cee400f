"""Starting, cancelling and retrying runs: what is refused, and what is noted."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError

from clients.models import AuditEntry
from clients.records import By
from offline import leases, services
from offline.errors import (
    JobParametersError,
    JobUnknownError,
    RunFinishedError,
    RunInvalidError,
    RunMissingError,
    RunNotFinishedError,
    RunUnderWayError,
)
from offline.jobs import load_job
from offline.models import JobRun
from offline.records import Ending, read_day, shown
from tests.offline.conftest import Queue

BY = By("operator:ann", "request-1")


def start(client: Any, job: str = "add", day: int = 16461, **parameters: Any) -> JobRun:
    return services.start_run(job=job, client=client, day=day, parameters=parameters, by=BY)


def test_started_run_waits_and_is_audited(acme: Any) -> None:
    run = start(acme.client, numbers=[1])
    assert (run.state, run.requested_by) == ("queued", "operator:ann")
    entry = AuditEntry.objects.for_client(acme.client).first()
    assert entry is not None
    assert (entry.action, entry.after["date"], entry.request_id) == ("start_run", "2015-01-26", "request-1")


def test_secrets_among_the_parameters_are_not_in_the_audit_log(acme: Any) -> None:
    start(acme.client, awskey="AKIA", awssecret="hush", days=3, inner={"password": "hush"})
    assert "hush" not in str(AuditEntry.objects.for_client(acme.client).values())
    assert shown({"a": [{"api_token": "x"}], "days": 3}) == {"a": [{"api_token": "***"}], "days": 3}


def test_second_run_of_the_same_client_job_and_day_is_refused(acme: Any, globex: Any) -> None:
    first = start(acme.client)
    with pytest.raises(RunUnderWayError, match=f"under way already as run {first.pk}"):
        start(acme.client)
    start(acme.client, day=16462)
    start(globex.client)


def test_second_run_of_the_installation_is_refused_too(db: None) -> None:
    start(None, "common")
    with pytest.raises(RunUnderWayError):
        start(None, "common")


def test_database_itself_refuses_a_second_run(acme: Any) -> None:
    fields = {"client": acme.client, "job": "add", "day": 1, "requested_by": "x"}
    JobRun.objects.create(**fields)
    with pytest.raises(IntegrityError):
        JobRun.objects.create(**fields, state="running")


def test_finished_run_may_be_started_again(queue: Queue, acme: Any) -> None:
    run = queue("add", numbers=[4])
    claim = leases.claim_run(run.pk)
    assert claim is not None
    with pytest.raises(RunNotFinishedError):
        services.retry_run(run=services.get_run(run=run.pk), by=BY)
    leases.end(claim, load_job("add"), Ending("failed", error="x", may_help=False), {})
    again = services.retry_run(run=services.get_run(run=run.pk), by=BY)
    assert (again.parameters, again.retry_of_id, again.state) == ({"numbers": [4]}, run.pk, "queued")


def test_waiting_run_is_cancelled_at_once(queue: Queue) -> None:
    run = services.cancel_run(run=queue("add"), by=BY)
    assert (run.state, run.finished_at is not None) == ("cancelled", True)
    with pytest.raises(RunFinishedError):
        services.cancel_run(run=run, by=BY)


def test_running_run_is_asked_to_end(queue: Queue) -> None:
    run = queue("add")
    leases.claim_run(run.pk)
    assert services.cancel_run(run=run, by=BY).is_cancelling


def test_what_cannot_be_started_is_told(acme: Any) -> None:
    with pytest.raises(JobUnknownError, match="no job 'ad'"):
        start(acme.client, "ad")
    with pytest.raises(RunInvalidError, match="name one"):
        start(None, "add")
    with pytest.raises(RunInvalidError, match="name no client"):
        start(acme.client, "common")
    with pytest.raises(RunInvalidError, match="epoch day"):
        start(acme.client, day=-1)
    with pytest.raises(JobParametersError, match="this is wrong"):
        start(acme.client, wrong=1)


def test_run_is_invisible_to_another_client(queue: Queue, globex: Any) -> None:
    run = queue("add")
    assert services.get_run(run=run.pk).pk == run.pk
    with pytest.raises(RunMissingError):
        services.get_run(run=run.pk, client=globex.client)


@pytest.mark.parametrize("text", ["16461", "2015-01-26", "20150126"])
def test_day_is_read_in_three_forms(text: str) -> None:
    assert read_day(text) == 16461


@pytest.mark.parametrize("text", ["yesterday", "2015-02-30", "-1", "123456", ""])
def test_what_is_no_day_is_told(text: str) -> None:
    with pytest.raises(RunInvalidError, match="neither a date"):
        read_day(text)
