"""The command `seldon-microservice`: reads options and environment, and starts the workers."""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from microservice.errors import StartError
from microservice.finding import read_interface
from microservice.listening import listen_tcp, listen_unix, show_address
from microservice.parameters import read_parameters
from microservice.settings import Identity, Settings
from microservice.supervisor import Supervisor

LEVELS = click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False)
PORT_VARIABLES = ["PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "PREDICTIVE_UNIT_SERVICE_PORT"]
PORTS = click.IntRange(0, 65535)


@click.command(context_settings={"show_default": True, "help_option_names": ["-h", "--help"]})
@click.argument("interface")
@click.option("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 for all.")
@click.option(
    "--port",
    "--service-port",
    "--http-port",
    type=PORTS,
    default=9000,
    envvar=PORT_VARIABLES,
    show_envvar=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--uds", type=click.Path(path_type=Path), help="Listen at this Unix socket instead.")
@click.option(
    "--metrics-port",
    type=PORTS,
    envvar="PREDICTIVE_UNIT_METRICS_SERVICE_PORT",
    show_envvar=True,
    help="Serve /metrics on this port also.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    envvar="GUNICORN_WORKERS",
    show_envvar=True,
    help="Processes, each with its own copy of the model.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    envvar="GUNICORN_THREADS",
    show_envvar=True,
    help="Calls of the model at once per worker; more than 1 needs a thread-safe class.",
)
@click.option(
    "--max-waiting",
    type=click.IntRange(min=1),
    default=1000,
    help="Calls that may wait for the model per worker; more get 503.",
)
@click.option(
    "--max-body-bytes",
    type=click.IntRange(min=1),
    default=100 * 2**20,
    help="Largest request body; larger ones get 413.",
)
@click.option(
    "--parameters",
    default="[]",
    envvar="PREDICTIVE_UNIT_PARAMETERS",
    show_envvar=True,
    help="Constructor arguments as JSON: [{name, value, type}, …].",
)
@click.option("--model-name", help="Name in answers and metrics.  [default: the class]")
@click.option(
    "--grace-seconds",
    type=click.FloatRange(min=0),
    default=30.0,
    help="How long calls under way may take after SIGTERM.",
)
@click.option(
    "--metrics-in-answers/--no-metrics-in-answers",
    default=True,
    show_envvar=True,
    envvar="INCLUDE_METRICS_IN_CLIENT_RESPONSE",
    help="Put the class's metrics into meta.",
)
@click.option("--log-level", type=LEVELS, default="INFO", envvar="SELDON_LOG_LEVEL", show_envvar=True)
@click.option(
    "--debug",
    is_flag=True,
    envvar="SELDON_DEBUG",
    show_envvar=True,
    help="Show tracebacks when the start fails.",
)
def main(**options: Any) -> None:
    """Serve the Python class INTERFACE: MyModel, module.Class or path/MyModel.py.

    The class needs predict(self, X, features_names, meta=None); it is looked for in the current folder.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="seldon-microservice: %(message)s")
    metrics_directory = tempfile.mkdtemp(prefix="seldon-microservice-")
    try:
        run(options, metrics_directory)
    except StartError as error:
        if options["debug"]:
            traceback.print_exc()
        click.echo(f"seldon-microservice: {error}", err=True)
        sys.exit(1)
    finally:
        shutil.rmtree(metrics_directory, ignore_errors=True)
        if options["uds"]:
            options["uds"].unlink(missing_ok=True)


def run(options: Mapping[str, Any], metrics_directory: str) -> None:
    """Bind the sockets and keep the workers running until told to end."""
    parameters = read_parameters(options["parameters"])
    sockets = bind_sockets(options)
    settings = make_settings(options, parameters, (metrics_directory, sockets))
    environment = {"OPENBLAS_NUM_THREADS": "1"} | dict(os.environ)
    supervisor = Supervisor(settings, sockets, options["workers"], environment)
    supervisor.run(lambda: announce(settings, sockets, options))


def bind_sockets(options: Mapping[str, Any]) -> list[socket.socket]:
    """Return the main socket and, when asked for, the one for metrics."""
    if options["uds"]:
        sockets = [listen_unix(options["uds"])]
    else:
        sockets = [listen_tcp(options["host"], options["port"])]
    if options["metrics_port"] is not None:
        sockets.append(listen_tcp(options["host"], options["metrics_port"], "--metrics-port"))
    return sockets


def make_settings(
    options: Mapping[str, Any], parameters: dict[str, Any], made: tuple[str, list[socket.socket]]
) -> Settings:
    """Return the workers' settings; `made` is the metrics folder and the sockets."""
    metrics_directory, sockets = made
    directory = Path.cwd()
    shared = ("interface", "threads", "max_waiting", "max_body_bytes", "grace_seconds")
    return Settings(
        **{name: options[name] for name in shared},
        directory=str(directory),
        parameters=parameters,
        model_name=options["model_name"] or read_interface(options["interface"], directory).class_name,
        metrics_in_answers=options["metrics_in_answers"],
        debug=options["debug"],
        log_level=options["log_level"].upper(),
        metrics_directory=metrics_directory,
        metrics_port=sockets[1].getsockname()[1] if len(sockets) > 1 else None,
        identity=read_identity(os.environ),
    )


def read_identity(environment: Mapping[str, str]) -> Identity:
    """Return which unit of which deployment this is, from the variables Seldon Core sets."""
    try:
        labels = json.loads(environment.get("PREDICTOR_LABELS") or "{}")
    except ValueError as error:
        raise StartError(f"PREDICTOR_LABELS is not JSON: {error}") from error
    return Identity(
        unit=environment.get("PREDICTIVE_UNIT_ID", ""),
        image=environment.get("PREDICTIVE_UNIT_IMAGE", ""),
        predictor=environment.get("PREDICTOR_ID", ""),
        predictor_version=str(labels.get("version", "")) if isinstance(labels, dict) else "",
        deployment=environment.get("SELDON_DEPLOYMENT_ID", ""),
    )


def announce(settings: Settings, sockets: list[socket.socket], options: Mapping[str, Any]) -> None:
    """Say where the model is served."""
    places = f"{options['workers']} worker(s), {settings.threads} thread(s) each"
    address, *metrics = map(show_address, sockets)
    also = f", metrics at {metrics[0]}/metrics" if metrics else ""
    click.echo(f"{settings.model_name} is served at {address} ({places}){also}")


if __name__ == "__main__":
    main()
