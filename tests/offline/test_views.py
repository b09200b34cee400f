"""/manage/runs: list, start, show, cancel, retry, logs; and who may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from clients.models import AuditEntry, Client
from offline import leases, services
from offline.jobs import load_job
from offline.models import JobRun, all_runs
from offline.records import Ending
from stores.config import use_store
from stores.config.memory import MemoryConfigStore
from tests.clients.manage.conftest import Manage, acme, as_acme, as_globex, globex, operator, token_of

__all__ = ["acme", "as_acme", "as_globex", "globex", "operator", "token_of"]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _documents() -> Iterator[None]:
    with use_store(MemoryConfigStore()):
        yield


@pytest.fixture
def run(acme: Client) -> JobRun:
    return services.queue_run(
        job="count", client=acme, day=16461, parameters={"path": "x"}, requested_by="cli:tester"
    )


def end(run: JobRun, state: str = "failed") -> None:
    all_runs().filter(pk=run.pk).update(state=state)


def test_run_is_started_shown_and_cancelled(as_acme: Manage) -> None:
    made = as_acme("POST", "runs", {"job": "add", "day": "2015-01-26", "parameters": {"numbers": [1]}})
    assert made.status_code == 201
    number = made.json()["id"]
    shown = as_acme("GET", f"runs/{number}").json()
    assert (shown["state"], shown["client"], shown["day"], shown["share"]) == ("queued", "acme", 16461, None)
    assert as_acme("POST", f"runs/{number}/cancel").json()["state"] == "cancelled"
    assert as_acme("POST", f"runs/{number}/cancel").json()["code"] == "run_finished"
    actions = list(AuditEntry.objects.for_all_clients().values_list("action", flat=True))
    assert actions[:2] == ["cancel_run", "start_run"]


def test_finished_run_is_retried(operator: Manage, run: JobRun) -> None:
    assert operator("POST", f"runs/{run.pk}/retry").status_code == 409
    end(run)
    again = operator("POST", f"runs/{run.pk}/retry")
    assert (again.status_code, again.json()["retry_of"]) == (201, run.pk)


def test_run_under_way_is_not_started_twice(operator: Manage, run: JobRun) -> None:
    answer = operator("POST", "runs", {"job": "count", "client": "acme", "day": "16461"})
    assert (answer.status_code, answer.json()["code"]) == (409, "run_under_way")
    assert f"run {run.pk}" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({"job": "nope", "client": "acme"}, None, "no job"),
        ({"job": "add", "client": "acme", "day": "tomorrow"}, "/day", "neither a date"),
        ({"job": "add", "client": "acme", "parameters": {"wrong": 1}}, "/parameters/wrong", "this is wrong"),
        ({"job": "add"}, "/client", "name one"),
        ({"job": "common", "client": "acme"}, "/client", "name no client"),
        ({"job": "add", "client": "acme", "dya": "1"}, "/dya", "no such field"),
    ],
)
def test_mistake_is_told_with_its_place(
    operator: Manage, acme: Client, body: Any, pointer: str | None, words: str
) -> None:
    answer = operator("POST", "runs", body)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]
    assert pointer in [None, *(error["pointer"] for error in answer.json().get("errors", []))]


def test_runs_are_listed_by_page_and_filter(operator: Manage, acme: Client, globex: Client) -> None:
    for day in range(3):
        services.queue_run(job="add", client=acme, day=day, parameters={}, requested_by="x")
    other = services.queue_run(job="count", client=globex, day=1, parameters={}, requested_by="x")
    end(other, "failed")
    assert operator("GET", "runs?limit=2").json()["count"] == 4
    for query, days in {
        "client=acme": [2, 1, 0],
        "state=failed": [1],
        "job=add&day=2": [2],
        "client=globex&job=add": [],
    }.items():
        assert [row["day"] for row in operator("GET", f"runs?{query}").json()["results"]] == days
    assert operator("GET", "runs?state=lost").status_code == 400


def test_runs_are_invisible_to_another_client(as_acme: Manage, as_globex: Manage, run: JobRun) -> None:
    paths = {"GET": ["", "/log"], "POST": ["/cancel", "/retry"]}
    answers = [as_globex(verb, f"runs/{run.pk}{path}") for verb, some in paths.items() for path in some]
    assert {answer.status_code for answer in answers} == {404}
    assert as_globex("GET", "runs").json()["count"] == 0
    assert as_globex("GET", "runs?client=acme").status_code == 404
    assert as_globex("POST", "runs", {"job": "add", "client": "acme"}).status_code == 404
    assert as_acme("GET", f"runs/{run.pk}").status_code == 200


def test_runs_of_the_installation_are_for_operators(as_acme: Manage, operator: Manage, db: None) -> None:
    run = services.queue_run(job="common", client=None, day=1, parameters={}, requested_by="x")
    assert as_acme("GET", f"runs/{run.pk}").status_code == 404
    assert operator("GET", f"runs/{run.pk}").json()["client"] is None


def test_client_starts_and_retries_only_what_is_open_to_clients(as_acme: Manage, run: JobRun) -> None:
    end(run)
    assert as_acme("POST", "runs", {"job": "count"}).status_code == 403
    assert as_acme("POST", f"runs/{run.pk}/retry").status_code == 403


def test_log_is_read_piece_by_piece(operator: Manage, run: JobRun) -> None:
    claim = leases.claim_run(run.pk)
    assert claim is not None
    # 100 characters were written, of which the last ten are kept.
    leases.tell(claim, {"log": "0123456789", "log_end": 100})
    first = operator("GET", f"runs/{run.pk}/log").json()
    assert first == {
        "text": "0123456789",
        "offset": 90,
        "next_offset": 100,
        "skipped": 90,
        "is_finished": False,
    }
    leases.end(
        claim, load_job("count"), Ending("succeeded", result={}), {"log": "23456789ab", "log_end": 102}
    )
    rest = operator("GET", f"runs/{run.pk}/log?offset=100").json()
    assert (rest["text"], rest["skipped"], rest["is_finished"]) == ("ab", 0, True)
    assert operator("GET", f"runs/{run.pk}/log?offset=-1").status_code == 400


def test_number_that_no_run_can_have_is_not_found(operator: Manage) -> None:
    for number in ("0", "99999999999999999999999", "x"):
        assert operator("GET", f"runs/{number}").status_code == 404
