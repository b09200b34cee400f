"""The options of the command: names, variables, defaults, and what each is for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

LEVELS = click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False)
PORT_VARIABLES = ["PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "PREDICTIVE_UNIT_SERVICE_PORT"]
PORTS = click.IntRange(0, 65535)

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
OPTIONS: tuple[Decorator, ...] = (
    click.option("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 for all."),
    click.option(
        "--port",
        "--service-port",
        "--http-port",
        type=PORTS,
        default=9000,
        envvar=PORT_VARIABLES,
        show_envvar=True,
        help="Port to listen on; 0 takes a free one.",
    ),
    click.option("--uds", type=click.Path(path_type=Path), help="Listen at this Unix socket instead."),
    click.option(
        "--metrics-port",
        type=PORTS,
        envvar=["PREDICTIVE_UNIT_METRICS_SERVICE_PORT", "PREDICTIVE_UNIT_METRICS_PORT"],
        show_envvar=True,
        help="Serve /metrics on this port also.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(min=1),
        default=1,
        envvar="GUNICORN_WORKERS",
        show_envvar=True,
        help="Processes, each with its own copy of the model.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(min=1),
        default=1,
        envvar="GUNICORN_THREADS",
        show_envvar=True,
        help="Calls of the model at once per worker; more than 1 needs a thread-safe class.",
    ),
    click.option(
        "--max-waiting",
        type=click.IntRange(min=1),
        default=1000,
        help="Calls that may wait for the model per worker; more get 503.",
    ),
    click.option(
        "--max-body-bytes",
        type=click.IntRange(min=1),
        default=100 * 2**20,
        help="Largest request body; larger ones get 413.",
    ),
    click.option(
        "--parameters",
        default="[]",
        envvar="PREDICTIVE_UNIT_PARAMETERS",
        show_envvar=True,
        help="Constructor arguments as JSON: [{name, value, type}, …].",
    ),
    click.option("--model-name", help="Name in answers and metrics.  [default: the class]"),
    click.option(
        "--grace-seconds",
        type=click.FloatRange(min=0),
        default=30.0,
        help="How long calls under way may take after SIGTERM.",
    ),
    click.option(
        "--metrics-in-answers/--no-metrics-in-answers",
        default=True,
        show_envvar=True,
        envvar="INCLUDE_METRICS_IN_CLIENT_RESPONSE",
        help="Put the class's metrics into meta.",
    ),
    click.option(
        "--log-level",
        type=LEVELS,
        default="INFO",
        envvar="SELDON_LOG_LEVEL",
        show_envvar=True,
        help="What is logged; the variable goes before the option.",
    ),
    click.option(
        "--debug",
        is_flag=True,
        envvar="SELDON_DEBUG",
        show_envvar=True,
        help="Show tracebacks when the start fails.",
    ),
    click.option(
        "--grpc-port",
        type=PORTS,
        envvar="PREDICTIVE_UNIT_GRPC_SERVICE_PORT",
        show_envvar=True,
        help="Serve gRPC on this port also; 0 takes a free one.",
    ),
    click.option(
        "--grpc-max-message-bytes",
        type=click.IntRange(min=1),
        default=100 * 2**20,
        help="Largest gRPC message, in and out.",
    ),
    click.option(
        "--grpc-threads",
        type=click.IntRange(min=0),
        default=1,
        envvar="GRPC_THREADS",
        show_envvar=True,
        help="As --threads, which REST and gRPC share; the larger counts.",
    ),
    click.option(
        "--grpc-workers",
        type=click.IntRange(min=0),
        default=1,
        envvar="GRPC_WORKERS",
        show_envvar=True,
        help="As --workers, which serve REST and gRPC; the larger counts, 0 serves no gRPC.",
    ),
    click.option(
        "--single-threaded",
        type=bool,
        is_flag=False,
        flag_value=True,
        default=False,
        envvar="FLASK_SINGLE_THREADED",
        show_envvar=True,
        help="One call of the model at once, whatever --threads says.",
    ),
    click.option(
        "--max-requests",
        type=click.IntRange(min=0),
        default=0,
        envvar="GUNICORN_MAX_REQUESTS",
        show_envvar=True,
        help="Replace a worker after so many requests; 0 never.",
    ),
    click.option(
        "--max-requests-jitter",
        type=click.IntRange(min=0),
        default=0,
        envvar="GUNICORN_MAX_REQUESTS_JITTER",
        show_envvar=True,
        help="Up to so many more, so that workers are not replaced together.",
    ),
    click.option(
        "--keepalive",
        type=click.IntRange(min=1),
        default=75,
        envvar="GUNICORN_KEEPALIVE",
        show_envvar=True,
        help="Seconds that an idle connection is kept.",
    ),
    click.option(
        "--access-log",
        type=bool,
        is_flag=False,
        flag_value=True,
        default=False,
        envvar="GUNICORN_ACCESS_LOG",
        show_envvar=True,
        help="A line per HTTP request on standard error.",
    ),
    click.option(
        "--filter-metrics-access-log/--no-filter-metrics-access-log",
        default=True,
        envvar="FILTER_METRICS_ACCESS_LOGS",
        show_envvar=True,
        help="No such line for requests of metrics.",
    ),
    click.option(
        "--timeout-seconds",
        type=click.FloatRange(min=0),
        default=0.0,
        help="How long a call may take before it is answered 504 and its worker replaced; 0 for ever.",
    ),
    click.option(
        "--patience-seconds",
        type=click.FloatRange(min=0),
        default=0.0,
        help="How long callers wait: /ready says 503 while the model is stuck for longer, and after "
        "six times as long its worker is replaced; 0 for ever.",
    ),
    click.option(
        "--annotations",
        type=click.Path(path_type=Path),
        default=Path("/etc/podinfo/annotations"),
        help="File with the pod's annotations, from which limits are taken that no option sets.",
    ),
    click.option(
        "--tracing",
        type=bool,
        is_flag=False,
        flag_value=True,
        default=False,
        envvar="TRACING",
        show_envvar=True,
        help="A span per call, sent over OTLP; needs the extra `tracing`.",
    ),
    click.option(
        "--max-batch-size",
        type=click.IntRange(min=0),
        default=0,
        help="Rows that one call of predict gets from several callers; 0 as the class says, else one each.",
    ),
    click.option(
        "--max-latency-ms",
        type=click.FloatRange(min=0),
        default=0.0,
        help="How long the first call of a batch waits for others; 0 as the class says, else 5.",
    ),
    click.option("--pidfile", type=click.Path(path_type=Path), help="Write the process id to this file."),
    click.option(
        "--metrics-path",
        default="/metrics",
        envvar="PREDICTIVE_UNIT_METRICS_ENDPOINT",
        show_envvar=True,
        help="Where metrics are served.",
    ),
    click.option(
        "--model-metadata",
        default="",
        envvar="MODEL_METADATA",
        show_envvar=True,
        help="YAML laid over what init_metadata says.",
    ),
    click.option(
        "--payload-passthrough",
        type=bool,
        is_flag=False,
        flag_value=True,
        default=False,
        envvar="PAYLOAD_PASSTHROUGH",
        show_envvar=True,
        help="Hand bodies to the raw hooks as bytes, unread.",
    ),
    click.option(
        "--service-type",
        type=click.Choice(
            ["MODEL", "ROUTER", "TRANSFORMER", "OUTPUT_TRANSFORMER", "COMBINER", "OUTLIER_DETECTOR"]
        ),
        default="MODEL",
        help="Taken for Seldon Core's sake; every class is asked for what it has.",
    ),
    click.option(
        "--persistence",
        is_flag=False,
        flag_value="1",
        default="0",
        help="Taken for Seldon Core's sake, and without effect there and here.",
    ),
)


def add_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return the command with all options, in this order."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
