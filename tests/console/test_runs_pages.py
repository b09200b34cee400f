"""Runs in the console: lists, one run as it goes on, starting, cancelling, retrying."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client as Browser

from clients.services import NewClient
from offline import leases, services
from offline.jobs import JOBS
from offline.models import JobRun, all_runs
from stores.config import ConfigStore
from tests.offline.jobs import PATHS

FORM = {"job": "add", "client": "acme", "day": "2015-01-26", "parameters": '{"numbers": [1]}'}


@pytest.fixture(autouse=True)
def _jobs_of_the_tests(monkeypatch: pytest.MonkeyPatch, store: ConfigStore) -> None:
    for name, path in PATHS.items():
        monkeypatch.setitem(JOBS, name, path)


@pytest.fixture
def run(acme: NewClient) -> JobRun:
    return services.queue_run(
        job="add", client=acme.client, day=16461, parameters={"token": "hush"}, requested_by="cli:tester"
    )


def shown(console: Browser, path: str) -> str:
    answer = console.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_run_is_started_by_the_form(console: Browser, acme: NewClient) -> None:
    answer = console.post("/admin/runs/new/", FORM)
    run = all_runs().get()
    assert answer.headers["Location"] == f"/admin/runs/{run.pk}/"
    assert (run.day, run.requested_by, run.parameters) == (16461, "operator:jane", {"numbers": [1]})


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("client", "", "name one"),
        ("day", "soon", "neither a date"),
        ("parameters", "{", "valid JSON"),
        ("parameters", "[1]", "An object is meant"),
        ("parameters", '{"wrong": 1}', "this is wrong"),
        ("job", "nope", "valid choice"),
    ],
)
def test_wrong_field_is_told_beside_it(
    console: Browser, acme: NewClient, field: str, value: str, reason: str
) -> None:
    page = console.post("/admin/runs/new/", {**FORM, field: value})
    assert reason in str(page.context["form"].errors[field])


def test_lists_show_runs_by_search_and_state(console: Browser, run: JobRun, globex: NewClient) -> None:
    services.queue_run(job="count", client=globex.client, day=1, parameters={}, requested_by="x")
    assert {"2015-01-26", "1970-01-02"} <= set(shown(console, "/admin/runs/").replace("<", ">").split(">"))
    assert "1970-01-02" not in shown(console, "/admin/runs/?q=acme&state=queued")
    assert "No run is like that" in shown(console, "/admin/runs/?state=failed")
    assert "1970-01-02" not in shown(console, "/admin/client/acme/runs/")


def test_schedules_stand_below_the_list(console: Browser, acme: NewClient, store: ConfigStore) -> None:
    schedule = {"job": "add", "cron": "30 1 * * *", "time_zone": "Europe/London"}
    store.set("/all_clients/acme/schedules", [schedule], author="x")
    store.refresh()
    page = shown(console, "/admin/runs/")
    assert "At 01:30" in page
    assert "sweep_runs" in page


def test_page_of_a_run_asks_for_itself_until_the_run_is_over(console: Browser, run: JobRun) -> None:
    claim = leases.claim_run(run.pk)
    assert claim is not None
    leases.tell(claim, {"done": 1, "total": 4, "note": "<b>rows</b>", "log": "<script>\n", "log_end": 9})
    page = shown(console, f"/admin/runs/{run.pk}/")
    assert f'data-refresh="/admin/runs/{run.pk}/live/"' in page
    live = shown(console, f"/admin/runs/{run.pk}/live/")
    assert 'value="0.2500"' in live
    assert "&lt;script&gt;" in live
    assert "hush" not in live
    assert "data-finished" not in live
    all_runs().filter(pk=run.pk).update(state="failed", error="it broke", finished_at=Now())
    live = shown(console, f"/admin/runs/{run.pk}/live/")
    assert "data-finished" in live
    assert "it broke" in live


def test_run_is_cancelled_and_retried_by_buttons(console: Browser, run: JobRun) -> None:
    console.post(f"/admin/runs/{run.pk}/cancel/")
    assert all_runs().get().state == "cancelled"
    assert "has ended already" in console.post(f"/admin/runs/{run.pk}/cancel/", follow=True).content.decode()
    answer = console.post(f"/admin/runs/{run.pk}/retry/")
    again = all_runs().latest("id")
    assert (again.retry_of_id, answer.headers["Location"]) == (run.pk, f"/admin/runs/{again.pk}/")
    assert console.get(f"/admin/runs/{run.pk}/cancel/").status_code == 405


def test_durations_of_former_runs_are_drawn(console: Browser, acme: NewClient) -> None:
    for day in range(3):
        fields: dict[str, Any] = {"state": "succeeded", "seconds": 1.5 + day, "finished_at": Now()}
        JobRun.objects.create(job="add", client=acme.client, day=day, requested_by="x", **fields)
    page = shown(console, f"/admin/runs/{all_runs().latest('id').pk}/")
    assert "How long it took" in page
    assert page.count('class="plot-bar') >= 3


@pytest.mark.parametrize("number", ["99", "x", "0", "9999999999999999999999"])
def test_run_that_is_not_there_is_not_found(console: Browser, number: str) -> None:
    assert console.get(f"/admin/runs/{number}/").status_code == 404
