"""The command `seldon-microservice`: reads options and environment, and starts the workers."""

from __future__ import annotations

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
from click.core import ParameterSource

from microservice.annotations import limits_of, read_annotations
from microservice.errors import StartError
from microservice.finding import read_interface
from microservice.listening import listen_tcp, listen_unix, reserve_tcp, show_address, show_place
from microservice.options import LEVELS, add_options
from microservice.parameters import read_parameters
from microservice.settings import Settings
from microservice.supervisor import Supervisor
from microservice.variables import check_variables, read_identity, read_tracing

# What a worker is told under the same word as the option has.
SHARED = (
    "interface", "max_waiting", "max_body_bytes", "grace_seconds", "metrics_in_answers", "debug",
    "max_requests", "max_requests_jitter", "metrics_path", "model_metadata", "payload_passthrough",
    "grpc_max_message_bytes", "max_batch_size", "max_latency_ms", "timeout_seconds",
    "patience_seconds",
)  # fmt: skip
CORE_NAME = "seldon-core-microservice"
# Where Seldon Core's command serves when nobody says anything.
CORE_DEFAULTS = {"host": "0.0.0.0", "grpc_port": 5000, "metrics_port": 6000}  # noqa: S104 - as the original


@click.command(context_settings={"show_default": True, "help_option_names": ["-h", "--help"]})
@click.argument("interface")
@click.argument("more", nargs=-1)
@add_options
def main(more: tuple[str, ...], **options: Any) -> None:
    """Serve the Python class INTERFACE: MyModel, module.Class or path/MyModel.py.

    The class needs predict(self, X, features_names, meta=None); it is looked for in the current folder.
    """
    refuse_more(more)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="seldon-microservice: %(message)s")
    metrics_directory = tempfile.mkdtemp(prefix="seldon-microservice-")
    try:
        run(take_annotations(options), metrics_directory)
    except StartError as error:
        if options["debug"]:
            traceback.print_exc()
        click.echo(f"seldon-microservice: {error}", err=True)
        sys.exit(1)
    finally:
        shutil.rmtree(metrics_directory, ignore_errors=True)
        for file in (options["uds"], options["pidfile"]):
            if file:
                file.unlink(missing_ok=True)


def core_main() -> None:
    """Run as `seldon-core-microservice`: REST, gRPC and metrics on all addresses and the original's ports."""
    main.main(prog_name=CORE_NAME, default_map=CORE_DEFAULTS)


def refuse_more(more: tuple[str, ...]) -> None:
    """Refuse arguments after the class; Seldon Core up to 1.4 had the kind of API there."""
    if not more:
        return
    if more[0].upper() in ("REST", "GRPC"):
        raise click.UsageError(f"{more[0]}: since Seldon Core 1.5 no kind of API is given; leave it out")
    raise click.UsageError(f"{' '.join(more)}: only one INTERFACE is served; options begin with --")


def run(options: Mapping[str, Any], metrics_directory: str) -> None:
    """Bind the sockets and keep the workers running until told to end."""
    parameters = read_parameters(options["parameters"])
    check_variables(os.environ, variables_of(main))
    sockets, grpc_socket = bind_sockets(options), reserve_grpc(options)
    settings = make_settings(options, parameters, (metrics_directory, sockets, grpc_socket))
    environment = {"OPENBLAS_NUM_THREADS": "1"} | dict(os.environ)
    workers = max(options["workers"], options["grpc_workers"])
    supervisor = Supervisor(settings, sockets, workers, environment)
    if options["pidfile"]:
        options["pidfile"].write_text(f"{os.getpid()}\n")
    supervisor.run(lambda: announce(settings, sockets, workers))


def bind_sockets(options: Mapping[str, Any]) -> list[socket.socket]:
    """Return the main socket and, when asked for, the one for metrics."""
    if options["uds"]:
        sockets = [listen_unix(options["uds"])]
    else:
        sockets = [listen_tcp(options["host"], options["port"])]
    if options["metrics_port"] is not None:
        sockets.append(listen_tcp(options["host"], options["metrics_port"], "--metrics-port"))
    return sockets


def reserve_grpc(options: Mapping[str, Any]) -> socket.socket | None:
    """Return the socket that holds the port for gRPC, None when there shall be no gRPC."""
    if options["grpc_port"] is None or options["grpc_workers"] == 0:
        return None
    return reserve_tcp(options["host"], options["grpc_port"], "--grpc-port")


def make_settings(
    options: Mapping[str, Any],
    parameters: dict[str, Any],
    made: tuple[str, list[socket.socket], socket.socket | None],
) -> Settings:
    """Return the workers' settings; `made` is the metrics folder and the sockets."""
    metrics_directory, sockets, grpc_socket = made
    directory = Path.cwd()
    threads = 1 if options["single_threaded"] else max(options["threads"], options["grpc_threads"])
    return Settings(
        **{name: options[name] for name in SHARED},
        directory=str(directory),
        parameters=parameters,
        model_name=options["model_name"] or read_interface(options["interface"], directory).class_name,
        threads=threads,
        keep_alive_seconds=options["keepalive"],
        has_access_log=options["access_log"],
        logs_metrics_calls=not options["filter_metrics_access_log"],
        log_level=read_log_level(options["log_level"]),
        metrics_directory=metrics_directory,
        metrics_port=sockets[1].getsockname()[1] if len(sockets) > 1 else None,
        grpc_address=show_place(grpc_socket) if grpc_socket else "",
        identity=read_identity(os.environ),
        tracing=read_tracing(os.environ, is_on=options["tracing"]),
    )


def read_log_level(option: str) -> str:
    """Return the level of the log: the variable's before the option's, as with Seldon Core's command."""
    level: str = LEVELS.convert(os.environ.get("SELDON_LOG_LEVEL") or option, None, None)
    return level.upper()


def take_annotations(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with the limits of the pod's annotations where nobody sets one."""
    context = click.get_current_context()
    limits = limits_of(read_annotations(options["annotations"]))
    unset = {name for name in limits if context.get_parameter_source(name) is ParameterSource.DEFAULT}
    return options | {name: limits[name] for name in unset}


def variables_of(command: click.Command) -> set[str]:
    """Return the variables that a command's options read."""
    named = [option.envvar or [] for option in command.params]
    return {name for names in named for name in ([names] if isinstance(names, str) else names)}


def announce(settings: Settings, sockets: list[socket.socket], workers: int) -> None:
    """Say where the model is served."""
    places = f"{workers} worker(s), {settings.threads} thread(s) each"
    address, *metrics = map(show_address, sockets)
    also = f", gRPC at {settings.grpc_address}" if settings.grpc_address else ""
    also += f", metrics at {metrics[0]}{settings.metrics_path}" if metrics else ""
    click.echo(f"{settings.model_name} is served at {address} ({places}){also}")


if __name__ == "__main__":
    main()
