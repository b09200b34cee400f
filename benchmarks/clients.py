"""From one client to ten thousand: what a request costs, and what a worker's memory takes."""

from __future__ import annotations

import statistics
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from benchmarks.events import event_load
from benchmarks.loads import Load, run_load
from benchmarks.rows import Comparison, Row, Side, compare, median_run, run_script, spread
from benchmarks.seed import Installation, installation
from benchmarks.servers import Server, noop_server, worker_server

_CLIENTS = 10_000
_AT_MOST = 1.2
_REST_MIB, _ADDED_MIB = 120, 60
# Unknown tokens are looked up in the database, once each: that is where this time goes.
_FIRST_LOOK_SECONDS = 120


def measure(seconds: float) -> list[Row]:
    """A worker of one client beside a worker of ten thousand, each request with the next one's token."""
    names = [f"client-{number}" for number in range(_CLIENTS)]
    with installation() as few, installation(*names) as many, noop_server() as noop:
        one = event_load(few.token, seconds)
        all_of_them = replace(one, tokens=tuple(many.tokens.values()))
        with _worker(few) as small, _worker(many) as large:
            at_rest = small.rss_mib()
            show_every_token(large, all_of_them)
            # As many requests on each, so that what remains is the clients' share.
            run_load(small, one)
            added = large.rss_mib() - small.rss_mib()
            found = compare(Side(small, one), Side(large, all_of_them))
        return [*_memory_rows(at_rest, added, noop), _cost_row(found)]


def show_every_token(server: Server, load: Load) -> None:
    """Have every token of `load` seen at least once."""
    calls = 0.0
    for _ in range(_FIRST_LOOK_SECONDS // 5):
        run = run_load(server, replace(load, seconds=5.0))
        calls += run.requests_per_second * 5 - run.errors
        if calls > 1.2 * _CLIENTS:
            return
    raise SystemExit(f"only {calls:,.0f} calls were answered in {_FIRST_LOOK_SECONDS} s")


def _worker(installed: Installation) -> AbstractContextManager[Server]:
    return worker_server(Path(installed.data).name, installed.data, EVENTS_DURABILITY="os")


def _memory_rows(at_rest: float, added: float, noop: Server) -> list[Row]:
    reference = f"the raw no-op server: {noop.rss_mib():.0f} MiB"
    return [
        Row(
            "memory of a worker at rest (resident)",
            f"≤ {_REST_MIB} MiB",
            f"{at_rest:.0f} MiB",
            at_rest <= _REST_MIB,
            reference,
        ),
        Row(
            f"memory that {_CLIENTS:,} clients' keys and tokens add to a worker",
            f"≤ +{_ADDED_MIB} MiB",
            f"{added:+.0f} MiB",
            added <= _ADDED_MIB,
            "a worker of one client after as many requests",
        ),
    ]


def _cost_row(found: Comparison) -> Row:
    costs = [theirs.cpu_us / ours.cpu_us for ours, theirs in found.pairs]
    one = median_run(found.reference)
    return Row(
        f"cost of a request with {_CLIENTS:,} clients in turn, durability `os`",
        f"≤ {_AT_MOST:g} × that with one",
        f"{spread(costs)} ×",
        statistics.median(costs) <= _AT_MOST,
        f"one client: {one.cpu_us:.0f} CPU µs/request",
        (f"10,000: {median_run(found.candidate)}", f"one: {one}", f"requests/s: {spread(found.ratios)} ×"),
        found.others_cpu,
    )


if __name__ == "__main__":
    run_script("clients", measure)
