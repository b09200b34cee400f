"""What sharing through Redis costs a single event: Redis up, killed, hung, against not configured."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.events import EVENT, event_load
from benchmarks.rows import Comparison, Row, Side, compare, ratio_row, run_script, spread
from benchmarks.seed import Installation, installation
from benchmarks.servers import Server, worker_server
from tests.servers_redis import RedisServer, redis

# High enough to refuse nobody, so that every request is counted and told.
_QUOTA = 1_000_000
_KEYED = 400
_RUNS = 3

Spoil = Callable[[RedisServer], None]


def states() -> Iterator[tuple[str, Spoil, Spoil]]:
    """What is done to Redis, and undone."""
    yield "Redis up", lambda server: None, lambda server: None
    yield "Redis killed", RedisServer.kill, RedisServer.start
    yield "Redis hung (SIGSTOP)", RedisServer.pause, RedisServer.resume


@contextmanager
def workers() -> Iterator[tuple[tuple[Installation, Server], tuple[Installation, Server], RedisServer]]:
    """A worker that is alone, one that shares, and what it shares through."""
    with (
        installation(quotas={"acme": _QUOTA}) as first,
        installation(quotas={"acme": _QUOTA}) as second,
        tempfile.TemporaryDirectory() as folder,
        redis(Path(folder)) as server,
        worker_server("not configured", first.data, EVENTS_DURABILITY="os") as alone,
        worker_server("shared", second.data, EVENTS_DURABILITY="os", REDIS_URL=server.url) as shared,
    ):
        yield (first, alone), (second, shared), server


def measure(seconds: float) -> list[Row]:
    """Every state of Redis, with and without an Idempotency-Key."""
    rows = []
    with workers() as (alone, shared, server):
        for state, spoil, mend in states():
            spoil(server)
            # Once for the worker to find out, which the first seconds of the warm-up would hide.
            time.sleep(1.5)
            rows += [_single(state, alone, shared, seconds), _keyed(state, alone, shared)]
            mend(server)
    return rows


def _single(
    state: str, alone: tuple[Installation, Server], shared: tuple[Installation, Server], seconds: float
) -> Row:
    sides = [Side(server, event_load(installed.token, seconds)) for installed, server in (alone, shared)]
    found: Comparison = compare(*sides, runs=_RUNS)
    what = f"single event of a client with a quota, durability `os`, 64 connections, {state}"
    return ratio_row(what, found, "the same without REDIS_URL", 0.95)


def _keyed(state: str, alone: tuple[Installation, Server], shared: tuple[Installation, Server]) -> Row:
    pairs = [(_keyed_p50(*alone), _keyed_p50(*shared)) for _ in range(_RUNS)]
    added = [theirs - ours for ours, theirs in pairs]
    return Row(
        f"p50 added to a single event with a fresh `Idempotency-Key`, 1 connection, {state}",
        "≤ +1 ms",
        f"{spread(added, '{:+.2f}')} ms",
        statistics.median(added) <= 1,
        f"the same without REDIS_URL: p50 {statistics.median(ours for ours, _ in pairs):.2f} ms",
    )


def _keyed_p50(installed: Installation, server: Server) -> float:
    connection, took = HTTPConnection("127.0.0.1", server.port, timeout=10), []
    for number in range(_KEYED):
        headers = {
            "authorization": f"Bearer {installed.token}",
            "content-type": "application/json",
            "idempotency-key": f"{time.time_ns()}-{number}",
        }
        started = time.perf_counter()
        connection.request("POST", "/events", EVENT, headers)
        answer = connection.getresponse()
        answer.read()
        took.append(time.perf_counter() - started)
        if answer.status != 200:
            raise SystemExit(f"{server.name}: an event with a key was answered {answer.status}")
    connection.close()
    return statistics.median(took) * 1e3


if __name__ == "__main__":
    run_script("sharing", measure)
