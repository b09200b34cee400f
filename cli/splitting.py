"""seldon-cli client processevents, processactions: split a day, in the foreground."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.context import by_cli, json_option, lazy
from cli.output import print_json, print_record
from cli.run import follow_run

if TYPE_CHECKING:
    from django import db

    from clients import services as client_services
    from offline import leases, records, services
    from offline.execution import attempt
    from offline.models import JobRun
else:
    db = lazy("django.db")
    client_services = lazy("clients.services")
    leases = lazy("offline.leases")
    records = lazy("offline.records")
    services = lazy("offline.services")
    attempt = lazy("offline.execution.attempt")

F = TypeVar("F", bound=Callable[..., Any])


def split_options(function: F) -> F:
    """Adds what both commands can be told."""
    for option in (
        json_option,
        click.option("--engine", type=click.Choice(["local", "spark"]), help="Where it runs; local without."),
        click.option("--processes", type=click.IntRange(0), help="At once; without, one per core."),
        click.option("--max-bad-share", type=click.FloatRange(0, 1), help="Of the day; 0.01 without."),
        click.option("--days", type=click.IntRange(1), help="With what changed in days before; 3 without."),
        click.option("--client", "--client-name", "client", metavar="NAME", help="This client alone."),
        click.option("--input-date-string", "day", required=True, metavar="YYYYMMDD", help="The day (UTC)."),
    ):
        function = option(function)
    return function


@click.command()
@split_options
def processevents(day: str, as_json: bool, **chosen: Any) -> int:
    """Split a day's events into each client's own folder.

    \b
    Examples:
      seldon-cli client processevents --input-date-string 20261121
      seldon-cli client processevents --input-date-string 20261121 --client-name acme --json
    """
    return _process("split_events", day, chosen, as_json)


@click.command()
@split_options
def processactions(day: str, as_json: bool, **chosen: Any) -> int:
    """Split a day's actions into each client's own folder, their ids repaired.

    \b
    Example:
      seldon-cli client processactions --input-date-string 20261121
    """
    return _process("group_actions", day, chosen, as_json)


def _process(job: str, day: str, chosen: dict[str, Any], as_json: bool) -> int:
    parameters = {name: value for name, value in chosen.items() if value is not None}
    if "client" in parameters:
        client_services.get_client(parameters["client"])
    asked = records.read_day(day)
    run = services.start_run(job=job, client=None, day=asked, parameters=parameters, by=by_cli())
    worker = threading.Thread(target=_carry_out, args=(run.pk,))
    worker.start()

    def is_over(found: JobRun) -> bool:
        # A failed attempt that waits for its next one is over for who sits in front of it.
        return found.is_finished or (found.state == "queued" and not worker.is_alive())

    try:
        follow_run(run.pk, is_over, is_quiet=as_json)
    finally:
        _give_up(run.pk)
        worker.join()
    return _tell(services.get_run(run=run.pk), as_json)


def _carry_out(run: int) -> None:
    """Here, unless a worker of the installation was quicker."""
    try:
        claim = leases.claim_run(run)
        if claim is not None:
            attempt.Attempt(claim, threading.Event()).carry_out()
    finally:
        db.connection.close()


def _give_up(number: int) -> None:
    """After Ctrl-C or a failure nobody is to try again behind our back."""
    found = services.get_run(run=number)
    if not found.is_finished:
        services.cancel_run(run=found, by=by_cli())


def _tell(run: JobRun, as_json: bool) -> int:
    result = run.result or {}
    if as_json:
        print_json({"run": run.pk, "state": run.state, "error": run.error, **result})
    elif run.state == "succeeded":
        clients = ", ".join(f"{name} {count}" for name, count in list(result["clients"].items())[:20])
        rows = {name: result[name] for name in ("day", "read", "lines", "kept", "bad", "dropped", "waiting")}
        print_record({"run": run.pk, **rows, "clients": clients}, as_json=False)
    return 0 if run.state == "succeeded" else 1
