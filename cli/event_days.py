"""seldon-cli events days, export: what was split per client and day, counted and read back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli.context import client_option, json_option, lazy
from cli.output import print_rows

if TYPE_CHECKING:
    from clients import services as client_services
    from offline import places
    from pipelines import days as day_names
    from pipelines import errors, exporting, reading
    from pipelines.reading import Selection
else:
    client_services = lazy("clients.services")
    places = lazy("offline.places")
    day_names = lazy("pipelines.days")
    errors = lazy("pipelines.errors")
    exporting = lazy("pipelines.exporting")
    reading = lazy("pipelines.reading")

_COLUMNS: Final = ("day", "date", "files", "bytes", "events", "bad_lines", "faults")
kind_option = click.option(
    "--kind", type=click.Choice(["events", "actions"]), default="events", show_default=True
)


@click.command()
@client_option
@kind_option
@json_option
def days(client_name: str, kind: Any, as_json: bool) -> None:
    """Count a client's days: those that were split, and history put there by hand.

    \b
    Example:
      seldon-cli events days --client acme
    """
    with told_plainly():
        client_services.get_client(client_name)
        counted = reading.count_days(client_name, kind=kind, place=places.place_of_settings())
    rows = [asdict(day) | {"date": str(day.date)} for day in counted]
    empty = (
        f"no {kind} of {client_name} were split yet: seldon-cli client process{kind} --input-date-string …"
    )
    print_rows(rows, as_json=as_json, columns=_COLUMNS, empty=empty)


@click.command()
@client_option
@click.option(
    "--days",
    "day_words",
    required=True,
    metavar="DAYS",
    help="YYYYMMDD, several with commas, or a span YYYYMMDD..YYYYMMDD.",
)
@click.option("--csv", "form", flag_value="csv", default="csv", help="Write CSV (without either, too).")
@click.option("--parquet", "form", flag_value="parquet", help="Write Parquet; needs --output.")
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="File; without: stdout."
)
@click.option("--columns", metavar="A,B", help="These keys alone; without it every key of the events.")
@kind_option
def export(
    client_name: str, day_words: str, form: str, output: Path | None, columns: str | None, kind: Any
) -> None:
    """Write a client's days as one table.

    \b
    Examples:
      seldon-cli events export --client acme --days 20261121 --csv > events.csv
      seldon-cli events export --client acme --days 20261101..20261130 --parquet -o a.parquet
    """
    if form == "parquet" and output is None:
        raise click.UsageError("--parquet needs --output FILE")
    with told_plainly():
        client_services.get_client(client_name)
        chosen = reading.Selection(
            client_name,
            list(_read_days(day_words)),
            columns.split(",") if columns else None,
            kind,
            places.place_of_settings(),
        )
        count = _write(chosen, form, output)
    click.echo(f"{count} {kind}" + (f" in {output}" if output else ""), err=True)


def _write(chosen: Selection, form: str, output: Path | None) -> int:
    if output is None:
        return exporting.export_csv(chosen, sys.stdout)
    # Beside its name first: a table that is there is whole.
    aside = output.with_name(f".{output.name}.tmp")
    try:
        if form == "parquet":
            count = exporting.export_parquet(chosen, aside)
        else:
            with aside.open("w", encoding="utf-8", newline="") as opened:
                count = exporting.export_csv(chosen, opened)
        aside.replace(output)
    finally:
        aside.unlink(missing_ok=True)
    return count


def _read_days(words: str) -> Iterator[int]:
    """The days of `20261101,20261105..20261107`."""
    for word in words.split(","):
        first, _, last = word.strip().partition("..")
        begin = day_names.day_number(first)
        end = day_names.day_number(last) if last else begin
        if end < begin:
            raise click.BadParameter(f"{word} ends before it begins", param_hint="--days")
        yield from range(begin, end + 1)


@contextmanager
def told_plainly() -> Iterator[None]:
    """What is wrong with files or days, in a sentence."""
    try:
        yield
    except errors.PipelineError as error:
        raise click.ClickException(str(error)) from error
