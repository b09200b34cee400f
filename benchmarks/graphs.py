"""Graphs of deployments: what a unit more costs, over HTTP and in the process, and children in parallel."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import uvloop

from benchmarks.loads import Load, Run, json_load, run_load
from benchmarks.rows import Comparison, Row, Side, compare, median_run, run_script, spread
from benchmarks.seed import installation
from benchmarks.servers import ROOT, Server, serving, worker_server

MESSAGE = b'{"data":{"names":["f1","f2"],"ndarray":[[1.0,2.0]]}}'
NOOP_UNIT = f"python:{ROOT}/benchmarks/references#noop_unit."

_FEW, _MANY = 3, 10
_HTTP_MS, _LOCAL_MS = 0.5, 0.06
_TAIL = 4.0
_CHILDREN = 16
_RUNS = 3
_WIDE = 2.0


def chain(length: int, endpoint: str) -> dict[str, Any]:
    """`length` models below each other, all at `endpoint`."""
    graph: dict[str, Any] = {}
    for index in range(length):
        children = [graph] if graph else []
        graph = {"name": f"u{index}", "type": "MODEL", "endpoints": [endpoint], "children": children}
    return graph


def side_by_side(count: int, endpoint: str) -> dict[str, Any]:
    """`count` models that are asked at once; the first one's answer goes back."""
    children = [{"name": f"u{index}", "type": "MODEL", "endpoints": [endpoint]} for index in range(count)]
    return {"name": "all", "type": "UNKNOWN_TYPE", "children": children}


def served(graph: dict[str, Any]) -> dict[str, Any]:
    """A deployment of this graph alone."""
    return {"protocol": "seldon", "predictors": [{"name": "main", "traffic": 100, "graph": graph}]}


@contextmanager
def model(reference: str) -> Iterator[Server]:
    """A microservice of `benchmarks.references`."""
    with serving(reference, [sys.executable, "-m", f"benchmarks.references.{reference}"]) as found:
        yield found


def load_of(name: str, token: str, seconds: float) -> Load:
    """One caller after another, so that times are times of the work and of no queue."""
    load = json_load(f"/seldon/acme/{name}/api/v1.0/predictions", MESSAGE, token, seconds)
    return Load(load.path, load.body, load.headers, connections=1, seconds=seconds)


def bare_hop() -> float:
    """Median microseconds of the way into an executor's thread and back, with nothing done there."""

    async def hops() -> list[float]:
        loop, took = asyncio.get_running_loop(), []
        with ThreadPoolExecutor(1) as pool:
            for _ in range(5000):
                started = time.perf_counter()
                await loop.run_in_executor(pool, int)
                took.append(time.perf_counter() - started)
        return took

    return statistics.median(uvloop.run(hops())) * 1e6


def unit_row(where: str, found: Comparison, count: int, at_most: float | None, beside: str = "") -> Row:
    """What each unit more adds to the median."""
    added = [(many.p50_ms - one.p50_ms) / (count - 1) for one, many in found.pairs]
    return Row(
        f"p50 that each unit more adds, {where}, {count} units against 1, 1 connection",
        "" if at_most is None else f"≤ {at_most:g} ms",
        f"{spread(added, '{:.3f}')} ms",
        None if at_most is None else statistics.median(added) <= at_most,
        f"1 unit: p50 {median_run(found.reference).p50_ms:.2f} ms{beside}",
        (f"{count} units: {median_run(found.candidate)}", f"1 unit: {median_run(found.reference)}"),
        found.others_cpu,
    )


def tails(runs: Sequence[Run]) -> list[float]:
    """How far the slowest of a hundred are from the median."""
    return [run.p99_ms / run.p50_ms for run in runs]


def tail_row(where: str, found: Comparison, count: int, direct: Sequence[Run]) -> Row:
    """The tail of a graph, beside that of one unit and of a microservice that is called directly."""
    ratios, alone = tails(found.candidate), tails(found.reference)
    return Row(
        f"p99 of a graph of {count} units, {where}, 1 connection",
        f"≤ {_TAIL:g} × its p50",
        f"{spread(ratios)} ×",
        statistics.median(ratios) <= _TAIL,
        f"its p50: {median_run(found.candidate).p50_ms:.2f} ms; of 1 unit {spread(alone)} ×; "
        f"of a no-op called directly {spread(tails(direct))} ×",
        (),
        found.others_cpu,
    )


def wide_row(what: str, found: Comparison, at_most: float | None) -> Row:
    """What many children at once cost beside one."""
    ratios = [many.p50_ms / one.p50_ms for one, many in found.pairs]
    return Row(
        f"p50 of {_CHILDREN} children in parallel, {what}, 1 connection",
        "" if at_most is None else f"≤ {at_most:g} × one child",
        f"{spread(ratios)} ×",
        None if at_most is None else statistics.median(ratios) <= at_most,
        f"one child: p50 {median_run(found.reference).p50_ms:.2f} ms",
        (),
        found.others_cpu,
    )


def measure(seconds: float) -> list[Row]:
    """Chains over HTTP and in the process, and children side by side."""
    with model("noop_model") as quick, model("slow_model") as slow:
        places = {
            "http": quick.url,
            "thread": f"{NOOP_UNIT}NoopUnit",
            "loop": f"{NOOP_UNIT}NoopAsyncUnit",
        }
        chains = {f"{name}{n}": chain(n, url) for name, url in places.items() for n in (1, _FEW, _MANY)}
        wides = {
            f"{name}{n}": side_by_side(n, server.url)
            for name, server in (("quick", quick), ("slow", slow))
            for n in (1, _CHILDREN)
        }
        given = {"acme": {name: served(graph) for name, graph in (chains | wides).items()}}
        with (
            installation("acme", deployments=given) as installed,
            worker_server("worker", installed.data, UNITS_IN_PROCESS="1") as worker,
        ):

            def side(name: str) -> Side:
                return Side(worker, load_of(name, installed.token, seconds), (quick, slow))

            def beside(one: str, many: str) -> Comparison:
                return compare(side(one), side(many))

            http_few, http_many = beside("http1", f"http{_FEW}"), beside("http1", f"http{_MANY}")
            loop_few, loop_many = beside("loop1", f"loop{_FEW}"), beside("loop1", f"loop{_MANY}")
            thread_many = beside("thread1", f"thread{_MANY}")
            bare = Load("/api/v1.0/predictions", MESSAGE, {}, connections=1, seconds=seconds)
            direct = [run_load(quick, bare) for _ in range(_RUNS)]
            hop = f"; a bare way into a thread and back: {bare_hop():.0f} µs"
            return [
                unit_row("over HTTP", http_few, _FEW, None),
                unit_row("over HTTP", http_many, _MANY, _HTTP_MS),
                tail_row("over HTTP", http_many, _MANY, direct),
                unit_row("in the process, an async method", loop_few, _FEW, None),
                unit_row("in the process, an async method", loop_many, _MANY, _LOCAL_MS),
                tail_row("in the process, an async method", loop_many, _MANY, direct),
                unit_row("in the process, a plain method in a thread", thread_many, _MANY, _LOCAL_MS, hop),
                tail_row("in the process, a plain method in a thread", thread_many, _MANY, direct),
                wide_row("of a model that takes 10 ms", beside("slow1", f"slow{_CHILDREN}"), _WIDE),
                wide_row("of a no-op", beside("quick1", f"quick{_CHILDREN}"), None),
            ]


if __name__ == "__main__":
    run_script("graphs", measure)
