"""`seldon-cli run`: list, show, start, cancel and retry background runs, and follow their logs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import click
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from cli.context import by_cli, json_option, lazy, on_terminal
from cli.lazy import NounGroup
from cli.output import print_record, print_rows

if TYPE_CHECKING:
    from clients import services as clients
    from common import clock
    from offline import jobs as job_registry
    from offline import records, selectors, services
    from offline.models import JobRun
    from offline.schedules import listing
    from stores import config
else:
    clients = lazy("clients.services")
    clock = lazy("common.clock")
    job_registry = lazy("offline.jobs")
    records = lazy("offline.records")
    selectors = lazy("offline.selectors")
    services = lazy("offline.services")
    listing = lazy("offline.schedules.listing")
    config = lazy("stores.config")

_COLUMNS: Final = (
    "id",
    "client",
    "job",
    "date",
    "state",
    "progress",
    "attempt",
    "requested_at",
    "took",
    "error",
)
_STATES: Final = ("queued", "running", "succeeded", "failed", "cancelled")
_POLL_SECONDS: Final = 0.5
client_filter = click.option(
    "--client", "--client-name", "client_name", metavar="NAME", help="Name of the client."
)
number = click.argument("number", metavar="RUN", type=click.IntRange(1))


@click.group(cls=NounGroup)
def run() -> None:
    """Start, follow, cancel background runs.

    \b
    Examples:
      seldon-cli run start sweep_runs --follow
      seldon-cli run list --state failed
      seldon-cli run logs 12 --follow
      seldon-cli run retry 12
    """


@run.command("list")
@client_filter
@click.option("--job", help="Of this job.")
@click.option("--state", type=click.Choice(_STATES))
@click.option("--limit", "-n", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
def list_runs(client_name: str | None, job: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """List runs, newest first."""
    client = clients.get_client(client_name) if client_name else None
    found = selectors.filtered_runs(client, {"job": job, "state": state})[:limit]
    print_rows([_row(each) for each in found], as_json=as_json, columns=_COLUMNS, empty="there are no runs")


@run.command()
@number
@json_option
def show(number: int, as_json: bool) -> None:
    """Show one run: progress, error, result."""
    print_record(_record(services.get_run(run=number)), as_json=as_json)


@run.command()
@click.argument("job")
@client_filter
@click.option("--day", help="A date like 2015-01-26 or a Unix day; otherwise the day that ended last (UTC).")
@click.option("--parameters", default="{}", metavar="JSON", help="The job's parameters, as an object.")
@click.option("--follow", "-f", is_flag=True, help="Show its log until it ends; the exit code tells how.")
@json_option
def start(
    job: str, client_name: str | None, day: str | None, parameters: str, follow: bool, as_json: bool
) -> int:
    """Have JOB run as soon as a worker is free (`seldon-cli run jobs` lists them)."""
    made = services.start_run(
        job=job,
        client=clients.get_client(client_name) if client_name else None,
        day=records.read_day(day) if day else records.day_of(clock.now() - timedelta(days=1)),
        parameters=read_parameters(parameters),
        by=by_cli(),
    )
    return _tell(made, follow=follow, as_json=as_json)


@run.command()
@number
@json_option
def cancel(number: int, as_json: bool) -> None:
    """End a run: at once when it waits, within seconds when it runs."""
    cancelled = services.cancel_run(run=services.get_run(run=number), by=by_cli())
    print_record(_row(cancelled), as_json=as_json)


@run.command()
@number
@click.option("--follow", "-f", is_flag=True, help="Show its log until it ends; the exit code tells how.")
@json_option
def retry(number: int, follow: bool, as_json: bool) -> int:
    """Start a finished run again, as a new one."""
    made = services.retry_run(run=services.get_run(run=number), by=by_cli())
    return _tell(made, follow=follow, as_json=as_json)


@run.command()
@number
@click.option("--follow", "-f", is_flag=True, help="Go on until the run has ended; the exit code tells how.")
def logs(number: int, follow: bool) -> int:
    """Show the last of a run's log; with --follow on a terminal also a progress bar."""
    if follow:
        return follow_run(number)
    click.echo(services.get_run(run=number).log, nl=False)
    return 0


@run.command()
@json_option
def jobs(as_json: bool) -> None:
    """List the jobs there are."""
    found = [job_registry.load_job(name) for name in sorted(job_registry.JOBS)]
    rows = [
        {
            "job": each.name,
            "runs for": "a client" if each.is_per_client else "the installation",
            "timeout_seconds": each.timeout_seconds,
            "what": each.summary,
        }
        for each in found
    ]
    print_rows(rows, as_json=as_json, columns=("job", "runs for", "what"))


@run.command()
@json_option
def schedules(as_json: bool) -> None:
    """List the schedules in force: when they are due next and what came of the last time."""
    found = listing.listed_schedules(config.get_store(), clock.now())
    rows = [
        {
            "client": each.schedule.client or "-",
            "name": each.schedule.name,
            "job": each.schedule.job,
            "cron": each.schedule.cron,
            "when": each.schedule.words,
            "time_zone": each.schedule.time_zone,
            "next_due": each.next_due,
            "last_due": each.last_due,
            "outcome": each.outcome or None,
        }
        for each in found
    ]
    columns = ("client", "name", "job", "when", "time_zone", "next_due", "outcome")
    print_rows(rows, as_json=as_json, columns=columns, empty="there are no schedules")


def _tell(made: JobRun, *, follow: bool, as_json: bool) -> int:
    if not follow:
        print_record(_row(made), as_json=as_json)
        return 0
    click.echo(f"run {made.pk} waits for a worker", err=True)
    return follow_run(made.pk)


def follow_run(
    number: int, is_over: Callable[[JobRun], bool] | None = None, *, is_quiet: bool = False
) -> int:
    """Print the log as it grows until the run has ended or `is_over`; 0 when it succeeded, else 1."""
    found = services.get_run(run=number)
    offset = 0
    with _bar(is_quiet=is_quiet) as bar:
        task = bar.add_task("", total=None, note="waiting for a worker")
        while True:
            found = services.get_run(run=number)
            piece = selectors.log_piece(found, offset)
            offset = piece.next_offset
            # Above the bar, where there is one.
            if not is_quiet:
                bar.console.print(piece.text, end="", markup=False, highlight=False, soft_wrap=True)
            _move(bar, task, found)
            if found.is_finished or (is_over is not None and is_over(found)):
                break
            time.sleep(_POLL_SECONDS)
    click.echo(f"run {number} {found.state}{f': {found.error}' if found.error else ''}", err=True)
    return 0 if found.state == "succeeded" else 1


def _bar(*, is_quiet: bool) -> Progress:
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    return Progress(*columns, transient=True, disable=is_quiet or not on_terminal())


def _move(bar: Progress, task: TaskID, found: JobRun) -> None:
    note = found.note or ("waiting for a worker" if found.state == "queued" else found.job)
    bar.update(task, completed=found.done, total=found.total or None, note=note)


def read_parameters(text: str) -> dict[str, Any]:
    """The object that `--parameters` holds."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"this is not JSON: {error}", param_hint="--parameters") from error
    if not isinstance(found, dict):
        raise click.BadParameter('an object is meant, such as {"days": 3}', param_hint="--parameters")
    return found


def _row(each: JobRun) -> dict[str, Any]:
    return {
        "id": each.pk,
        "client": each.whose,
        "job": each.job,
        "day": each.day,
        "date": str(each.date),
        "state": "cancelling" if each.is_cancelling else each.state,
        "progress": "-" if each.share is None else f"{each.share:.0%}",
        "note": each.note,
        "attempt": each.attempt,
        "requested_by": each.requested_by,
        "requested_at": each.requested_at,
        "started_at": each.started_at,
        "finished_at": each.finished_at,
        "seconds": each.seconds,
        "took": "-" if each.seconds is None else f"{each.seconds:.1f} s",
        "error": each.error,
    }


def _record(each: JobRun) -> dict[str, Any]:
    more = {
        "parameters": records.shown(each.parameters),
        "failures": each.failures,
        "losses": each.losses,
        "owner": each.owner,
        "retry_of": each.retry_of_id,
        "error_code": each.error_code,
        "result": each.result,
    }
    return _row(each) | more
