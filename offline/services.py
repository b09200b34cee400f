"""What people and schedules do with runs: start, cancel, retry; each with its audit entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from clients.models import Client
from clients.records import By
from clients.services import record_change
from offline.errors import (
    RunFinishedError,
    RunInvalidError,
    RunMissingError,
    RunNotFinishedError,
    RunUnderWayError,
)
from offline.jobs import load_job
from offline.models import JobRun, JobRunQuerySet, all_runs, runs_of
from offline.records import LAST_DAY, date_of, shown


def get_run(*, run: int, client: Client | None = None) -> JobRun:
    """The run, of `client` when one is named; RunMissingError when there is none or it is another's."""
    runs = all_runs() if client is None else runs_of(client)
    found = runs.select_related("client").filter(pk=run).first()
    if found is None:
        raise RunMissingError(run)
    return found


@transaction.atomic
def start_run(*, job: str, client: Client | None, day: int, parameters: Mapping[str, Any], by: By) -> JobRun:
    """Has the job run as soon as a worker is free; audited.

    Raises JobUnknownError, JobParametersError, RunInvalidError, RunUnderWayError.
    """
    run = queue_run(job=job, client=client, day=day, parameters=parameters, requested_by=by.actor)
    _note("start_run", run, by, after=describe_run(run))
    return run


@transaction.atomic
def retry_run(*, run: JobRun, by: By) -> JobRun:
    """Starts the same once more, as a new run; RunNotFinishedError, RunUnderWayError."""
    if not run.is_finished:
        raise RunNotFinishedError(run.pk, run.state)
    new = queue_run(
        job=run.job,
        client=run.client,
        day=run.day,
        parameters=run.parameters,
        requested_by=by.actor,
        retry_of=run,
    )
    _note("retry_run", new, by, after=describe_run(new) | {"retry_of": run.pk})
    return new


@transaction.atomic
def cancel_run(*, run: JobRun, by: By) -> JobRun:
    """Ends a run: one that waits at once, one that runs within seconds; RunFinishedError when it has."""
    rows = all_runs().filter(pk=run.pk)
    # It may go from running to waiting, for its next attempt, between the two.
    is_told = any(_ask_to_end(rows) for _ in range(2))
    run.refresh_from_db(from_queryset=rows)
    if not is_told:
        raise RunFinishedError(run.pk, run.state)
    _note("cancel_run", run, by, after={"state": run.state})
    return run


def _ask_to_end(rows: JobRunQuerySet) -> bool:
    now = {"cancel_requested_at": Now()}
    if rows.filter(state="queued").update(state="cancelled", finished_at=Now(), **now):
        return True
    return bool(rows.filter(state="running").update(**now))


def queue_run(
    *,
    job: str,
    client: Client | None,
    day: int,
    parameters: Mapping[str, Any],
    requested_by: str,
    retry_of: JobRun | None = None,
) -> JobRun:
    """A run that waits for a worker; raises what `start_run` raises."""
    checked = check_run(job=job, is_of_client=client is not None, day=day, parameters=parameters)
    try:
        with transaction.atomic():
            return JobRun.objects.create(
                job=job,
                client=client,
                day=day,
                parameters=checked,
                requested_by=requested_by[:200],
                retry_of=retry_of,
            )
    except IntegrityError as error:
        other = runs_under_way(client).filter(job=job, day=day).first()
        if other is None:
            raise
        raise RunUnderWayError(job, other.whose, str(other.date), other.pk) from error


def check_run(*, job: str, is_of_client: bool, day: int, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with their defaults; raises what is wrong with such a run."""
    found = load_job(job)
    if found.is_per_client and not is_of_client:
        raise RunInvalidError("client", f"{job} runs for a client: name one")
    if not found.is_per_client and is_of_client:
        raise RunInvalidError("client", f"{job} runs for the whole installation: name no client")
    if not 0 <= day <= LAST_DAY:
        raise RunInvalidError("day", f"a Unix epoch day from 0 to {LAST_DAY}")
    return dict(found.check_parameters(parameters))


def runs_under_way(client: Client | None) -> JobRunQuerySet:
    """Those of the client, or of the installation itself, that wait or run."""
    runs = runs_of(client) if client is not None else all_runs().filter(client=None)
    return runs.under_way()


def describe_run(run: JobRun) -> dict[str, Any]:
    """What a run is of, for the audit log."""
    return {
        "run": run.pk,
        "job": run.job,
        "day": run.day,
        "date": str(date_of(run.day)),
        "parameters": shown(run.parameters),
    }


def _note(action: str, run: JobRun, by: By, after: dict[str, Any]) -> None:
    record_change(by=by, action=action, client=run.client, target=f"run {run.pk} {run.job}", after=after)
