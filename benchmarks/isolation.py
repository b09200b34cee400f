"""One client floods over its quota: what another client, on the same worker, notices."""

from __future__ import annotations

import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from benchmarks.events import event_load
from benchmarks.loads import Load, Run, run_load, warm_up
from benchmarks.rows import Row, run_script
from benchmarks.seed import installation
from benchmarks.servers import Server, noop_server, worker_server

_QUOTA = 100
_VICTIM_RATE = 200.0
_TARGET_MS = 2.0
_RUNS = 3


@dataclass(frozen=True)
class Pair:
    """The victim by itself, then beside the flood, and the flood."""

    alone: Run
    beside: Run
    flood: Run

    @property
    def added_ms(self) -> float:
        """What the flood adds to the victim's p99."""
        return self.beside.p99_ms - self.alone.p99_ms


def measure_pair(server: Server, victim: Load, flood: Load) -> Pair:
    """A, then B with the flood beginning before the victim and ending after it."""
    alone = run_load(server, victim)
    with ThreadPoolExecutor(1) as threads:
        flooding = threads.submit(run_load, server, replace(flood, seconds=victim.seconds + 1))
        beside = run_load(server, victim)
        return Pair(alone, beside, flooding.result())


def measure(seconds: float) -> list[Row]:
    """A flood at twenty times the quota, at fixed times; and one as fast as 32 connections go."""
    with installation("acme", "globex", quotas={"acme": _QUOTA}) as installed:
        victim = replace(event_load(installed.tokens["globex"], seconds), rate=_VICTIM_RATE, connections=16)
        steady = replace(event_load(installed.tokens["acme"], seconds), rate=20.0 * _QUOTA, connections=256)
        boundless = replace(steady, rate=0.0, connections=32)
        with noop_server() as noop, worker_server("os", installed.data, EVENTS_DURABILITY="os") as worker:
            warm_up(noop, victim)
            warm_up(worker, victim)
            return [
                *(
                    _row(_words(flood), noop, worker, (victim, flood))
                    for flood in (steady, replace(steady, connections=1_500))
                ),
                _row("flood as fast as 32 connections go", noop, worker, (victim, boundless)),
            ]


def _words(flood: Load) -> str:
    return f"flood of {flood.rate:,.0f} calls/s over {flood.connections:,} connections"


def _row(how: str, noop: Server, worker: Server, loads: tuple[Load, Load]) -> Row:
    pairs = [(measure_pair(noop, *loads), measure_pair(worker, *loads)) for _ in range(_RUNS)]
    bare = statistics.median(reference.added_ms for reference, _ in pairs)
    ours = [pair for _, pair in pairs]
    added = [pair.added_ms for pair in ours]
    found = statistics.median(added)
    middle = sorted(ours, key=lambda pair: pair.added_ms)[len(ours) // 2]
    is_clean = not any(pair.alone.errors or pair.beside.errors for pair in ours)
    return Row(
        f"p99 of a client beside another's flood over its quota, one worker, {how}",
        f"≤ +{_TARGET_MS:g} ms",
        f"{found:+.2f} ({min(added):+.2f} … {max(added):+.2f}) ms",
        is_clean and found <= _TARGET_MS,
        f"the same two loads on the raw no-op: {bare:+.2f} ms",
        (
            f"alone: {middle.alone}",
            f"beside: {middle.beside}",
            f"flood: {middle.flood.requests_per_second:,.0f} calls/s, {middle.flood.errors:,} refused",
        ),
        statistics.mean(pair.alone.others_cpu for pair in ours),
    )


if __name__ == "__main__":
    run_script("isolation", measure)
