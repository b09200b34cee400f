"""`seldon-cli start-microservice` and `run-prediction-microservice`: Seldon Server's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.context import by_cli, client_option, lazy

if TYPE_CHECKING:
    from clients import services as clients
    from deploy.starting import records as started
    from deploy.starting import services as starting
else:
    clients = lazy("clients.services")
    started = lazy("deploy.starting.records")
    starting = lazy("deploy.starting.services")

_SERVICE = click.Tuple([str, str, click.Choice(["rest", "rpc"]), float])


@click.command("start-microservice")
@click.option("--type", "kind", type=click.Choice(["prediction", "recommendation"]), required=True)
@client_option
@click.option("--replicas", type=click.IntRange(1, 64), default=1, show_default=True, help="Of each service.")
@click.option("-i", "images", type=_SERVICE, multiple=True, metavar="NAME IMAGE rest|rpc RATIO")
@click.option("-p", "pipelines", type=_SERVICE, multiple=True, metavar="NAME FOLDER rest|rpc RATIO")
def start_microservice(kind: str, client_name: str, replicas: int, images: Any, pipelines: Any) -> None:
    """Start images as microservices and give them a client's traffic, in the ratios that are said.

    IMAGE names a bundle (`seldon-cli build`), or where DEPLOYMENTS_RUNTIME is kubernetes an image that
    listens on port 5000. With `rest` it is called over HTTP, with `rpc` by Seldon Server's gRPC, to which
    values go without their names. The ratios sum to 1. One call replaces the client's whole prediction
    strategy, as soon as everything answers; what former calls started and is not named is removed.

    \b
    Examples:
      seldon-cli start-microservice --type prediction --client acme -i iris company/iris:0.1 rest 1.0
      seldon-cli start-microservice --type prediction --client acme \\
        -i iris company/iris:0.1 rest 0.9 -i iris-next company/iris:0.2 rest 0.1
    """
    _refuse(kind, images, pipelines)
    asked = [(name, image, ratio, way == "rpc") for name, image, way, ratio in images]
    _start(client_name, asked, replicas)


@click.command("run-prediction-microservice")
@click.argument("name")
@click.argument("image")
@click.argument("rest", nargs=-1, required=True, metavar="[VERSION] CLIENT")
def run_prediction_microservice(name: str, image: str, rest: tuple[str, ...]) -> None:
    """Start one image as a microservice and give it all of a client's traffic.

    \b
    Example:
      seldon-cli run-prediction-microservice iris company/iris 0.1 acme
    """
    if len(rest) > 2:
        raise click.UsageError("give NAME IMAGE [VERSION] CLIENT")
    whole = f"{image}:{rest[0]}" if len(rest) == 2 else image
    _start(rest[-1], [(name, whole, 1.0, False)], replicas=1)


def _refuse(kind: str, images: Any, pipelines: Any) -> None:
    if kind == "recommendation":
        raise click.ClickException("there are no recommendations yet; only --type prediction can be started")
    if pipelines:
        raise click.ClickException("pipelines cannot be started yet: build a bundle and name it with -i")
    if not images:
        raise click.UsageError("name at least one service with -i NAME IMAGE rest|rpc RATIO")


def _start(client_name: str, asked: list[tuple[str, str, float, bool]], replicas: int) -> None:
    found = starting.start_services(
        client=clients.get_client(client_name),
        services=[started.Service(*each) for each in asked],
        replicas=replicas,
        by=by_cli(),
        tell=lambda line: click.echo(f"  {line}", err=True),
    )
    for each in found:
        state = "started" if each.is_new else "runs already"
        click.echo(
            f"{each.service.name} {state} as {each.microservice}, {each.service.ratio:.0%} of the traffic"
        )
