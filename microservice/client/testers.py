"""The commands that ask with random batches of a contract: a component, or a deployment by its gateway."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from microservice.client.contract import Contract, read_contract
from microservice.client.seldon_client import SeldonClient, SeldonClientPrediction
from microservice.client.told import SeldonClientException

LEVELS = click.Choice(["DEBUG", "INFO", "ERROR"])
Ask = Callable[[SeldonClient, dict[str, Any]], SeldonClientPrediction]
SHARED = (
    click.argument("contract", type=click.Path(path_type=Path)),
    click.argument("host"),
    click.argument("port", type=click.IntRange(1, 65535)),
    click.option("-b", "--batch-size", type=click.IntRange(min=1), default=1, help="Rows of each batch."),
    click.option("-n", "--n-requests", type=click.IntRange(min=1), default=1, help="Batches that are sent."),
    click.option("--grpc", is_flag=True, help="Ask over gRPC."),
    click.option("-t", "--tensor", is_flag=True, help="Send a tensor and not an ndarray."),
    click.option("-p", "--prnt", is_flag=True, help="Print requests and responses."),
    click.option("--log-level", type=LEVELS, default="INFO", help="Taken for Seldon Core's sake."),
    click.option("--seed", type=int, help="Makes the batches the same each time."),
)


def shared(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command with what both take."""
    for decorate in reversed(SHARED):
        command = decorate(command)
    return command


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@shared
@click.option(
    "--endpoint", type=click.Choice(["predict", "send-feedback", "transform-input"]), default="predict"
)
def test_microservice(**options: Any) -> None:
    """Ask a component with random batches; exit code 1 when one of them was not answered."""
    client = make_client(options, microservice_endpoint=f"{options['host']}:{options['port']}")
    if options["endpoint"] == "send-feedback":
        run(client, options, feed_component)
    else:
        method = options["endpoint"]
        run(client, options, lambda client, told: client.microservice(method=method, **told))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@shared
@click.argument("deployment", required=False)
@click.option("--endpoint", type=click.Choice(["predict", "send-feedback"]), default="predict")
@click.option("--namespace", help="Namespace of the deployment.")
def test_api(**options: Any) -> None:
    """Ask a deployment by its gateway with random batches; exit code 1 when one of them was not answered."""
    client = make_client(
        options,
        gateway="ambassador" if options["deployment"] else "seldon",
        gateway_endpoint=f"{options['host']}:{options['port']}",
        deployment_name=options["deployment"],
        namespace=options["namespace"],
    )
    run(client, options, feed_gateway if options["endpoint"] == "send-feedback" else ask_gateway)


def make_client(options: dict[str, Any], **told: Any) -> SeldonClient:
    """Return the client of a command."""
    payload = "tensor" if options["tensor"] else "ndarray"
    return SeldonClient(transport="grpc" if options["grpc"] else "rest", payload_type=payload, **told)


def ask_gateway(client: SeldonClient, told: dict[str, Any]) -> SeldonClientPrediction:
    """Return a prediction."""
    return client.predict(**told)


def feed_gateway(client: SeldonClient, told: dict[str, Any]) -> SeldonClientPrediction:
    """Return the answer to a reward for a prediction that is asked for first."""
    asked = client.predict(**told)
    return client.feedback(asked.request, asked.response, reward=1.0) if asked.success else asked


def feed_component(client: SeldonClient, told: dict[str, Any]) -> SeldonClientPrediction:
    """Return a component's answer to a reward for a prediction that is asked for first."""
    asked = client.microservice(method="predict", **told)
    return client.microservice_feedback(asked.request, asked.response, reward=1.0) if asked.success else asked


def run(client: SeldonClient, options: dict[str, Any], ask: Ask) -> None:
    """Send the batches, print what was asked for, and end with code 1 when one failed."""
    try:
        contract = read_contract(options["contract"])
        failures = [ask_once(client, options, contract, ask, turn) for turn in range(options["n_requests"])]
    except SeldonClientException as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    failed = [reason for reason in failures if reason]
    click.echo(f"{len(failures) - len(failed)} of {len(failures)} requests were answered")
    if failed:
        click.echo(f"Error: {failed[0]}", err=True)
        sys.exit(1)


def ask_once(client: SeldonClient, options: dict[str, Any], contract: Contract, ask: Ask, turn: int) -> str:
    """Return why a batch was not answered, empty when it was."""
    seed = None if options["seed"] is None else options["seed"] + turn
    data, names = contract.batch(options["batch_size"], np.random.default_rng(seed))
    if options["prnt"]:
        click.echo(f"{'-' * 40}\nSENDING NEW REQUEST:\n\n{data}")
    found = ask(client, {"data": data, "names": names})
    if options["prnt"]:
        click.echo(f"RECEIVED RESPONSE:\n{found}\n")
    return "" if found.success else found.msg


if __name__ == "__main__":
    test_microservice()
