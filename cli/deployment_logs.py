"""`seldon-cli logs`: what the processes of a deployment wrote."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from cli.context import lazy
from cli.deployment import find_row, namespace_option

if TYPE_CHECKING:
    from deploy import errors
    from deploy import logs as logs_of_runtime
else:
    errors = lazy("deploy.errors")
    logs_of_runtime = lazy("deploy.logs")

_POLL_SECONDS = 0.2


@click.command()
@click.argument("name")
@click.option("--unit", "--container", "-c", "unit", default="", help="Only of this container.")
@click.option("--predictor", "-p", default="", help="Only of this predictor.")
@click.option("--tail", type=click.IntRange(0), default=50, show_default=True, help="Lines of each process.")
@click.option("--follow", "-f", is_flag=True, help="Go on until Ctrl-C.")
@namespace_option
def logs(name: str, unit: str, predictor: str, tail: int, follow: bool, namespace: str) -> None:
    """Print what the processes of a deployment wrote, on this machine or in the pods of a cluster.

    \b
    Examples:
      seldon-cli logs iris -c classifier -f -n acme
    """
    row = find_row(name, namespace)
    found = logs_of_runtime.logs_of(row, predictor, unit)
    if not found:
        raise errors.LogMissingError(row.name, unit)
    several = len(found) > 1
    ends = {}
    for log in found:
        lines, ends[log.title] = log.tail(tail)
        _tell_lines(log.title, lines, several)
    while follow:
        time.sleep(_POLL_SECONDS)
        # Anew each time: a replacement brings other processes.
        for log in logs_of_runtime.logs_of(find_row(name, namespace), predictor, unit):
            lines, ends[log.title] = log.since(ends.get(log.title))
            _tell_lines(log.title, lines, several)


def _tell_lines(title: str, lines: list[str], several: bool) -> None:
    for line in lines:
        click.echo(f"{title}  {line}" if several else line)
