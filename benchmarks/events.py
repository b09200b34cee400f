"""Events: one by one with and without fsync, in batches of 500, against a raw no-op POST."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson

from benchmarks.loads import Load, Run, json_load, run_load, warm_up
from benchmarks.rows import Comparison, Row, Side, compare, median_run, ratio_row, run_script, spread
from benchmarks.seed import Installation, installation
from benchmarks.servers import noop_server, worker_server

EVENT = (
    b'{"user":"u1234","item":"i5678","type":"view","value":4.5,"page":"/products/abc/def",'
    b'"referrer":"https://example.com/search?q=xyz"}'
)
ROWS = 500
BATCH = b"[" + b",".join([EVENT] * ROWS) + b"]"


_RUNS = 3


def event_load(token: str, seconds: float, body: bytes = EVENT) -> Load:
    """Events at 64 connections."""
    return json_load("/events", body, token, seconds)


def against_noop(installed: Installation, durability: str, body: bytes, seconds: float) -> Comparison:
    """A worker with `durability` beside the raw no-op."""
    asked = event_load(installed.token, seconds, body)
    with (
        noop_server() as noop,
        worker_server(durability, installed.data, EVENTS_DURABILITY=durability) as worker,
    ):
        return compare(Side(noop, asked), Side(worker, asked))


def single(installed: Installation, durability: str, at_least: float, seconds: float) -> Row:
    """One event a request at 64 connections."""
    found = against_noop(installed, durability, EVENT, seconds)
    what = f"single event, durability `{durability}`, 64 connections"
    return ratio_row(what, found, "raw no-op POST", at_least)


def batches(installed: Installation, seconds: float) -> list[Row]:
    """500 events a request: events per second and core, and against a bare loop over the same bytes."""
    asked = event_load(installed.token, seconds, BATCH)
    with worker_server("os", installed.data, EVENTS_DURABILITY="os") as worker:
        warm_up(worker, asked)
        pairs = [(bare_rate(installed.data), run_load(worker, asked)) for _ in range(_RUNS)]
    # Per second of the worker's own CPU: what one core gives when nobody else wants it.
    rates = [ROWS * 1e6 / run.cpu_us for _, run in pairs]
    bare = statistics.median(rate for rate, _ in pairs)
    ratios = [rate / beside for rate, (beside, _) in zip(rates, pairs, strict=True)]
    runs = [run for _, run in pairs]
    details = (f"ours: {median_run(runs)}", f"errors: {sum(run.errors for run in runs)}")
    others = statistics.mean(run.others_cpu for run in runs)
    reference = f"`orjson.loads` and `write()` in a bare loop: {bare:,.0f} events/s per core"
    what = f"batch of {ROWS} events, durability `os`"
    is_clean = not any(run.errors for run in runs)
    return [
        Row(
            f"{what}, per core",
            "≥ 250 000 events/s",
            f"{spread(rates, '{:,.0f}')} events/s",
            is_clean and statistics.median(rates) >= 250_000,
            reference,
            details,
            others,
        ),
        Row(
            f"{what}, against parsing and writing the same bytes in a bare loop",
            "≥ 0.5 ×",
            f"{spread(ratios)} ×",
            is_clean and statistics.median(ratios) >= 0.5,
            reference,
            details,
            others,
        ),
    ]


def bare_rate(folder: Path, seconds: float = 1.0) -> float:
    """Events per CPU second of `orjson.loads` and `write`, nothing else."""
    with tempfile.TemporaryFile(dir=folder) as file:
        started, rounds = time.process_time(), 0
        while time.process_time() - started < seconds:
            orjson.loads(BATCH)
            os.write(file.fileno(), BATCH)
            rounds += 1
        return rounds * ROWS / (time.process_time() - started)


def fsync_tails(installed: Installation, seconds: float) -> list[Row]:
    """The tail of an fsynced event against a bare fsync of the same disk: at full load and paced."""
    full = event_load(installed.token, seconds)
    paced = replace(full, rate=500.0, connections=16)
    with worker_server("fsync", installed.data, EVENTS_DURABILITY="fsync") as worker:
        warm_up(worker, full)
        return [
            _tail_row("64 connections, as fast as they go", installed.data, lambda: run_load(worker, full)),
            _tail_row("500 a second at fixed times", installed.data, lambda: run_load(worker, paced)),
        ]


def _tail_row(how: str, folder: Path, run: Callable[[], Run]) -> Row:
    pairs = [(bare_fsync_p99(folder), run()) for _ in range(_RUNS)]
    ratios = [each.p99_ms / bare for bare, each in pairs]
    bare = statistics.median(bare for bare, _ in pairs)
    runs = [each for _, each in pairs]
    return Row(
        f"p99 of a single event, durability `fsync`, {how}",
        "≤ 4 × a bare fsync's p99",
        f"{spread(ratios, '{:.1f}')} ×",
        statistics.median(ratios) <= 4 and not any(each.errors for each in runs),
        f"bare `write()` + `fdatasync()`: p99 {bare:.2f} ms",
        (f"ours: {median_run(runs)}",),
        statistics.mean(each.others_cpu for each in runs),
    )


def bare_fsync_p99(folder: Path, seconds: float = 1.5) -> float:
    """Milliseconds of the 99th percentile of one append after the other, each made durable."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            started = time.perf_counter()
            os.write(file.fileno(), EVENT)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - started)
    return sorted(took)[int(len(took) * 0.99)] * 1e3


def measure(seconds: float) -> list[Row]:
    """Every claim on events."""
    with installation() as installed:
        return [
            single(installed, "os", 0.50, seconds),
            single(installed, "fsync", 0.28, seconds),
            *fsync_tails(installed, seconds),
            *batches(installed, seconds),
        ]


if __name__ == "__main__":
    run_script("events", measure)
