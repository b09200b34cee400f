"""Predictions: through the gateway against calling the same no-op microservice directly."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from benchmarks.loads import Load, Run, json_load
from benchmarks.rows import Comparison, Row, Side, compare, median_run, ratio_row, run_script, spread
from benchmarks.seed import installation
from benchmarks.servers import Server, serving, worker_server

PATH = "/api/v1.0/predictions"
MESSAGE = b'{"data":{"names":["f1","f2"],"ndarray":[[1.0,2.0]]}}'
STRATEGY = "/all_clients/acme/predict_algs"

_RATIO = 0.40
_CONNECTIONS = 32
# At fixed arrival times, below what either side can do: latency, not queueing.
_RATE = 300.0
_P50_MS, _P99_MS = 0.3, 2.0


def added_row(found: Comparison, which: str, at_most: float) -> Row:
    """How many milliseconds the gateway adds to a percentile."""
    added = [_ms(theirs, which) - _ms(ours, which) for ours, theirs in found.pairs]
    reference = median_run(found.reference)
    return Row(
        f"{which} added by the gateway, {_CONNECTIONS} connections, {_RATE:g} predictions a second",
        f"≤ {at_most:g} ms",
        f"{spread(added)} ms",
        statistics.median(added) <= at_most,
        f"called directly: {which} {_ms(reference, which):.2f} ms",
        (f"through the gateway: {median_run(found.candidate)}", f"directly: {reference}"),
        found.others_cpu,
    )


def _ms(run: Run, which: str) -> float:
    return {"p50": run.p50_ms, "p99": run.p99_ms}[which]


def beside(model: Server, worker: Server, asked: Load) -> Comparison:
    """The microservice called directly and through the gateway, in turns."""
    return compare(Side(model, asked), Side(worker, asked, (model,)))


@contextmanager
def gateway_to(reference: str) -> Iterator[tuple[Server, Server, str]]:
    """A microservice of `benchmarks.references`, a worker whose strategy calls it, and a token."""
    with serving(reference, [sys.executable, "-m", f"benchmarks.references.{reference}"]) as model:
        given = {
            "microservices": {"acme": {"noop": model.url}},
            "documents": {STRATEGY: {"microservice": "noop"}},
        }
        with installation("acme", **given) as installed, worker_server("worker", installed.data) as worker:
            yield model, worker, installed.token


def against_raw(seconds: float) -> list[Row]:
    """Beside a raw ASGI application: 64, 32 and one connection, and fixed arrival times."""
    with gateway_to("noop_model") as (model, worker, token):
        full = json_load(PATH, MESSAGE, token, seconds)
        closed = beside(model, worker, full)
        fewer = beside(model, worker, replace(full, connections=_CONNECTIONS, seconds=seconds / 3))
        single = beside(model, worker, replace(full, connections=1, seconds=seconds / 3))
        opened = beside(model, worker, replace(full, connections=_CONNECTIONS, rate=_RATE))
    what, direct = "prediction through the gateway", "a raw no-op called directly"
    return [
        ratio_row(f"{what}, 64 connections", closed, direct, _RATIO),
        ratio_row(f"{what}, {_CONNECTIONS} connections", fewer, direct, None),
        ratio_row(f"{what}, 1 connection", single, direct, None),
        added_row(opened, "p50", _P50_MS),
        added_row(opened, "p99", _P99_MS),
    ]


def against_class(seconds: float) -> Row:
    """Beside a Python class that does nothing, served by `seldon-microservice`."""
    with gateway_to("noop_class") as (model, worker, token):
        found = beside(model, worker, json_load(PATH, MESSAGE, token, seconds))
    what = "prediction through the gateway, 64 connections, `seldon-microservice` with a no-op class"
    return ratio_row(what, found, "the same called directly", _RATIO)


def measure(seconds: float) -> list[Row]:
    """Throughput at 64 connections and latency at fixed arrival times."""
    return [*against_raw(seconds), against_class(seconds)]


if __name__ == "__main__":
    run_script("gateway", measure)
