"""seldon-cli events: follow and count what clients sent."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click
import orjson

from cli.context import client_option, json_option, lazy
from cli.event_days import days, export
from cli.lazy import NounGroup
from cli.output import print_json, print_rows

if TYPE_CHECKING:
    from clients import selectors as client_selectors
    from clients import services as client_services
    from clients.models import Client
    from events import selectors
    from events.records import HourStats, StoredEvent, Waiting
else:
    client_selectors = lazy("clients.selectors")
    client_services = lazy("clients.services")
    selectors = lazy("events.selectors")

_STREAMS: Final = {"events": "events.live", "predictions": "predict.live"}
_POLL_SECONDS: Final = 0.5


@click.group(cls=NounGroup)
def events() -> None:
    """Follow and count what clients sent."""


events.add_command(days)
events.add_command(export)


@events.command()
@client_option
@click.option(
    "--lines", "-n", default=10, show_default=True, type=click.IntRange(0), help="How many to show."
)
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--stream", type=click.Choice(list(_STREAMS)), default="events", show_default=True)
@json_option
def tail(client_name: str, lines: int, follow: bool, stream: str, as_json: bool) -> None:
    """Show the newest events of a client, from the hourly files and the spool.

    Where events go to Fluentd, only what waits in the spool can be shown.

    \b
    Examples:
      seldon-cli events tail --client acme
      seldon-cli events tail --client acme -n 100 --json
      seldon-cli events tail --client acme --follow
    """
    kept = selectors.event_tail(client_services.get_client(client_name), _STREAMS[stream])
    _say_where_the_rest_is()
    _print_events(kept.last(lines) if lines else kept.last(1)[:0], as_json)
    while follow:
        time.sleep(_POLL_SECONDS)
        _print_events(kept.new(), as_json)


@events.command()
@click.option("--client", "--client-name", "client_name", metavar="NAME", help="One client; all without.")
@click.option("--hours", default=24, show_default=True, type=click.IntRange(1, 24 * 31), help="How far back.")
@json_option
def stats(client_name: str | None, hours: int, as_json: bool) -> None:
    """Count events per client and hour: accepted, rejected by reason, bytes, waiting in the spool."""
    clients = _clients(client_name)
    _say_where_the_rest_is()
    found = [
        (client, selectors.event_stats(client, hours=hours), selectors.spool_waiting(client))
        for client in clients
    ]
    if as_json:
        print_json([_as_json(client, hourly, waiting) for client, hourly, waiting in found])
        return
    rows: list[dict[str, Any]] = []
    for client, hourly, waiting in found:
        rows += [asdict(hour) | {"rejected": _in_words(hour.rejected)} for hour in hourly]
        words = f"{waiting.events}{'' if waiting.is_exact else ' or more'} in the spool"
        rows.append({"client": client.name, "hour": "waiting", "accepted": words, "bytes": waiting.bytes})
    print_rows(rows, as_json=False, columns=("client", "hour", "accepted", "rejected", "bytes"))


def _say_where_the_rest_is() -> None:
    """On stderr, so that what is piped on stays what it is."""
    if elsewhere := selectors.shipped_elsewhere():
        click.echo(f"What was shipped is at {elsewhere}; the spool holds what still waits.", err=True)
    if late := selectors.late_shipping():
        click.echo(f"Warning: {late}", err=True)


def _in_words(rejected: Mapping[str, int]) -> str:
    """`31: 25 event_malformed, 6 too_large`, the most frequent reason first."""
    most_first = sorted(rejected.items(), key=lambda reason: (-reason[1], reason[0]))
    words = ", ".join(f"{count} {reason}" for reason, count in most_first[:3])
    more = f", {len(rejected) - 3} more (--json)" if len(rejected) > 3 else ""
    return f"{sum(rejected.values())}: {words}{more}" if rejected else "0"


def _as_json(client: Client, hourly: Iterable[HourStats], waiting: Waiting) -> dict[str, Any]:
    hours = [{key: value for key, value in asdict(hour).items() if key != "client"} for hour in hourly]
    return {"client": client.name, "hours": hours, "waiting": asdict(waiting)}


def _clients(name: str | None) -> list[Client]:
    return [client_services.get_client(name)] if name else list(client_selectors.all_clients())


def _print_events(found: list[StoredEvent], as_json: bool) -> None:
    for event in found:
        if as_json:
            line = {"at": event.at, "tag": event.tag, "event": orjson.Fragment(event.json)}
            click.echo(orjson.dumps(line).decode())
        else:
            click.echo(f"{click.style(event.at, fg='cyan')}  {event.json}")
