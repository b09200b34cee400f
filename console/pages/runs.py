"""Background runs: the list, the schedules, one run with its progress and log; start, cancel, retry."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_POST

from clients.models import Client
from clients.services import get_client
from common import clock
from common.errors import SeldonError
from console.forms import RunForm
from console.numbers import duration
from console.paging import slice_of
from console.plots import Plot, Series
from console.requests import back_to, by_operator, is_done, number_in, page, refused, show, words_in
from offline.errors import RunMissingError
from offline.models import JobRun
from offline.records import STATES, date_of, day_of, read_day, shown
from offline.schedules.listing import listed_schedules
from offline.selectors import filtered_runs, former_runs
from offline.services import cancel_run, get_run, retry_run, start_run
from stores.config import get_store

_LOG_SHOWN: Final = 20_000
MOODS: Final = {"succeeded": "good", "failed": "bad", "cancelled": "warn"}


@page
def show_all(request: HttpRequest) -> HttpResponseBase:
    """The runs of every client, and the schedules in force."""
    search, state = words_in(request), request.GET.get("state", "")
    found = filtered_runs(None, {"state": state if state in STATES else None})
    for word in search.split():
        found = found.filter(
            Q(job__icontains=word) | Q(client__name__icontains=word) | Q(error__icontains=word)
        )
    number = number_in(request, "page", 1)
    context = {
        "runs": slice_of(found, number),
        "search": search,
        "state": state,
        "states": STATES,
        "schedules": listed_schedules(get_store(), clock.now()) if number == 1 else [],
    }
    return show(request, "runs.html", "Runs", context)


@page
def show_client(request: HttpRequest, name: str) -> HttpResponseBase:
    """The runs of one client."""
    client = get_client(name)
    rows = slice_of(filtered_runs(client, {}), number_in(request, "page", 1))
    context = {"client": client, "tab": "runs", "runs": rows}
    return show(request, "client_runs.html", f"Runs of {name}", context)


@page
def create(request: HttpRequest) -> HttpResponseBase:
    """Starts a run."""
    yesterday = str(date_of(day_of(clock.now() - timedelta(days=1))))
    form = RunForm(request.POST or None, initial={"day": yesterday, "parameters": "{}"})
    made: list[JobRun] = []

    def start() -> None:
        given = form.cleaned_data
        run = start_run(
            job=given["job"],
            client=_client(given["client"]),
            day=read_day(given["day"]),
            parameters=given["parameters"],
            by=by_operator(request),
        )
        made.append(run)

    if is_done(request, form, start):
        return back_to(request, "admin:run", made[0].pk, told="It begins as soon as a worker is free.")
    return show(request, "run_new.html", "New run", {"form": form})


@page
def show_one(request: HttpRequest, number: str) -> HttpResponseBase:
    """One run: how far it is, what it says, how long the former ones took."""
    run = _run(number)
    return show(request, "run.html", f"Run {run.pk}", {**_live(run), "plot": _durations(run)})


@page
def show_live(request: HttpRequest, number: str) -> HttpResponseBase:
    """The part of the page that changes while the run does; the page asks for it by itself."""
    return show(request, "parts/run_live.html", "", _live(_run(number)))


@page
@require_POST
def cancel(request: HttpRequest, number: str) -> HttpResponseBase:
    """Ends a run."""
    try:
        run = cancel_run(run=_run(number), by=by_operator(request))
    except SeldonError as error:
        return refused(request, error, "admin:run", number)
    told = "It is cancelled." if run.is_finished else "It is asked to end, and ends within seconds."
    return back_to(request, "admin:run", number, told=told)


@page
@require_POST
def retry(request: HttpRequest, number: str) -> HttpResponseBase:
    """Starts the same once more."""
    try:
        made = retry_run(run=_run(number), by=by_operator(request))
    except SeldonError as error:
        return refused(request, error, "admin:run", number)
    return back_to(request, "admin:run", made.pk, told=f"This is run {number} once more.")


def _run(number: str) -> JobRun:
    if not (number.isascii() and number.isdecimal() and len(number) < 18):
        raise RunMissingError(0)
    return get_run(run=int(number))


def _client(name: str) -> Client | None:
    return get_client(name) if name else None


def _live(run: JobRun) -> dict[str, Any]:
    return {
        "run": run,
        "mood": MOODS.get(run.state, ""),
        "log": run.log[-_LOG_SHOWN:],
        "is_cut": run.log_end > min(len(run.log), _LOG_SHOWN),
        "result": json.dumps(run.result, indent=2, ensure_ascii=False) if run.result else "",
        "parameters": json.dumps(shown(run.parameters), indent=2, ensure_ascii=False)
        if run.parameters
        else "",
    }


def _durations(run: JobRun) -> Plot | None:
    """How long former runs of the job took for this client, in bars; None before there are two."""
    former = former_runs(run)
    if len(former) < 2:
        return None
    good = tuple(each.seconds if each.state == "succeeded" else None for each in former)
    bad = tuple(each.seconds if each.state != "succeeded" else None for each in former)
    series = (Series("succeeded", "events", good), Series("not succeeded", "errors", bad))
    return Plot("Seconds per run", tuple(f"{each.date:%d %b}" for each in former), series, duration)
