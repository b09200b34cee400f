"""`seldon-cli microservice`: register, list, try and remove the microservices of a client."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.context import by_cli, client_option, json_option, lazy
from cli.lazy import NounGroup
from cli.output import print_json, print_record, print_rows

if TYPE_CHECKING:
    from django import conf

    from clients import services as clients
    from deploy import microservices, status
    from predictions import records, selectors, services
    from predictions.models import Microservice
    from predictions.probing import Probe
else:
    clients = lazy("clients.services")
    conf = lazy("django.conf")
    microservices = lazy("deploy.microservices")
    status = lazy("deploy.status")
    records = lazy("predictions.records")
    selectors = lazy("predictions.selectors")
    services = lazy("predictions.services")

COLUMNS = (
    "name",
    "url",
    "protocol",
    "deadline_seconds",
    "concurrency_limit",
    "state",
    "calls",
    "process",
    "last_exit",
)


@click.group(cls=NounGroup)
def microservice() -> None:
    """Register, test, remove microservices.

    \b
    Examples:
      seldon-cli microservice add --client acme iris http://127.0.0.1:9000
      seldon-cli microservice add --client acme iris --command "seldon-microservice Iris --port {port}"
      seldon-cli microservice add --client acme iris grpc://127.0.0.1:9500 --protocol v2
      seldon-cli microservice test --client acme iris --sample '{"data":{"ndarray":[[5.1,3.5,1.4,0.2]]}}'
      seldon-cli microservice list --client acme
    """


@microservice.command()
@client_option
@click.argument("name")
@click.argument("url", default="")
@click.option(
    "--protocol", type=click.Choice(["seldon", "legacy", "v2"]), default="seldon", show_default=True
)
@click.option("--deadline", "deadline_seconds", type=float, default=5.0, show_default=True, help="Seconds.")
@click.option(
    "--concurrency",
    "concurrency_limit",
    type=int,
    default=64,
    show_default=True,
    help="Calls at once, per worker.",
)
@click.option("--command", default="", help="Start it on this machine; {port} is filled in.")
@click.option("--directory", default="", type=click.Path(file_okay=False), help="Where the command runs.")
@json_option
def add(client_name: str, name: str, url: str, as_json: bool, **given: Any) -> None:
    """Register NAME at URL: http://, https://, unix:/, or gRPC at grpc://host:port, grpcs://host:port.

    With --command `serve` starts it; the URL may then be left out, or be grpc://127.0.0.1:0 for a free port.
    """
    if not url and not given["command"]:
        raise click.UsageError("give a URL, or a --command that starts the microservice")
    directory = str(Path(given["directory"]).resolve()) if given["directory"] else ""
    process = records.LocalProcess(tuple(shlex.split(given["command"])), directory)
    spec = records.MicroserviceSpec(
        name, url, given["protocol"], given["deadline_seconds"], given["concurrency_limit"]
    )
    made = services.register_microservice(
        client=clients.get_client(client_name), spec=spec, process=process, by=by_cli()
    )
    print_record(services.describe_microservice(made), as_json=as_json)


@microservice.command("list")
@client_option
@json_option
def list_microservices(client_name: str, as_json: bool) -> None:
    """List the microservices of a client and how they do.

    \b
    state      how its calls went: good, failing, resting (circuit breaker), unused
    process    of one that this machine runs: starting, running, waiting (to be started
               again), crashing (it keeps ending), stopping, not run (no machine runs)
    last exit  how that process ended last; its log is named by --json
    """
    parts = status.parts_now(Path(conf.settings.SELDON_DATA) / "run")
    client = clients.get_client(client_name)
    health = selectors.microservice_health(client)
    rows = [
        services.describe_microservice(each) | _flat(asdict(health[each.name])) | _process(each, parts)
        for each in selectors.microservices_of(client)
    ]
    print_rows(rows, as_json=as_json, columns=COLUMNS, empty=f"{client_name} has no microservices")


@microservice.command()
@client_option
@click.argument("name")
@click.option("--sample", default="", metavar="JSON", help="The body to send; otherwise one of its protocol.")
@json_option
def test(client_name: str, name: str, sample: str, as_json: bool) -> None:
    """Call NAME once and show request, answer and time; exit code 1 when the answer is no prediction."""
    body = _parsed(sample)
    probe = services.test_microservice(microservice=_find(client_name, name), sample=body)
    if as_json:
        print_json(asdict(probe))
    else:
        _tell(probe)
    if not probe.is_good:
        raise click.exceptions.Exit(1)


@microservice.command()
@client_option
@click.argument("name")
@json_option
def remove(client_name: str, name: str, as_json: bool) -> None:
    """Remove NAME; refused while the client's strategy calls it."""
    services.remove_microservice(microservice=_find(client_name, name), by=by_cli())
    if as_json:
        print_json({"name": name, "removed": True})
    else:
        click.echo(f"{name} is removed")


def _find(client_name: str, name: str) -> Microservice:
    return services.get_microservice(client=clients.get_client(client_name), name=name)


def _parsed(sample: str) -> Any:
    if not sample:
        return None
    try:
        return json.loads(sample)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--sample") from error


def _flat(health: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in health.items() if key != "name"}


def _process(row: Microservice, parts: Mapping[str, status.PartStatus] | None) -> dict[str, Any]:
    """What is known of the process; null where this machine runs none."""
    found = asdict(microservices.process_of(row, parts))
    return found if row.command else dict.fromkeys(found)


def _tell(probe: Probe) -> None:
    click.echo(f"{probe.method} {probe.url}\n{probe.request_body}\n")
    click.echo(f"{probe.status or 'no answer'} {probe.content_type}  {probe.seconds * 1000:.1f} ms")
    click.echo(probe.answer_body.rstrip())
    if probe.problem:
        click.secho(probe.problem, fg="red", err=True)
