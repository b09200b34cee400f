"""How commands print: tables on a terminal, plain aligned lines elsewhere, JSON when asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from cli.context import on_terminal

Row = Mapping[str, Any]


def print_json(value: Any) -> None:
    """One JSON document on stdout; times as ISO 8601."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def print_rows(rows: Sequence[Row], *, as_json: bool, columns: Sequence[str], empty: str = "nothing") -> None:
    """Rows as a table of `columns`; JSON holds everything the rows hold."""
    if as_json:
        print_json(list(rows))
    elif not rows:
        click.echo(empty, err=True)
    elif on_terminal():
        _print_table(rows, columns)
    else:
        _print_lines(rows, columns)


def print_record(record: Row, *, as_json: bool) -> None:
    """One thing, a line for each of its fields."""
    if as_json:
        print_json(dict(record))
        return
    width = max((len(name) for name in record), default=0)
    for name, value in record.items():
        click.echo(f"{click.style(name.ljust(width), bold=True)}  {_words(value)}")


def warn_of_secret(noun: str = "secret") -> None:
    """Says that what was just printed is not shown again."""
    warning = f"Keep the {noun} now: it is stored hashed and cannot be shown again."
    click.secho(warning, fg="yellow", err=True)


def _print_table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    table = Table(header_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_words(row.get(column)) for column in columns))
    Console(markup=False, highlight=False).print(table)


def _print_lines(rows: Sequence[Row], columns: Sequence[str]) -> None:
    cells = [list(columns), *([_words(row.get(column)) for column in columns] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    for line in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _words(value: Any) -> str:
    """A value as people read it."""
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, list | tuple):
        return ", ".join(_words(item) for item in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def _plain(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)
