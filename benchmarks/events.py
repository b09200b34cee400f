"""Events: one by one with and without fsync, in batches of 500, against a raw no-op POST."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import orjson

from benchmarks.harness import (
    ROOT,
    Comparison,
    Installation,
    Load,
    Row,
    compare,
    describe,
    installation,
    median_run,
    noop_server,
    report,
    run_load,
    worker_server,
)

EVENT = (
    b'{"user":"u1234","item":"i5678","type":"view","value":4.5,"page":"/products/abc/def",'
    b'"referrer":"https://example.com/search?q=xyz"}'
)
ROWS = 500
BATCH = b"[" + b",".join([EVENT] * ROWS) + b"]"


def load(installed: Installation, body: bytes, **options: float) -> Load:
    """Events of the installation's client."""
    headers = {"authorization": f"Bearer {installed.token}", "content-type": "application/json"}
    return Load("/events", body, headers, **options)  # type: ignore[arg-type]


def against_noop(installed: Installation, durability: str, body: bytes, seconds: float) -> Comparison:
    """A worker with `durability` beside the raw no-op."""
    asked = load(installed, body, seconds=seconds)
    with (
        noop_server() as noop,
        worker_server(durability, installed.data, EVENTS_DURABILITY=durability) as worker,
    ):
        return compare(lambda: run_load(noop, asked), lambda: run_load(worker, asked))


def single(installed: Installation, durability: str, target: float, seconds: float) -> Row:
    """One event a request at 64 connections."""
    found = against_noop(installed, durability, EVENT, seconds)
    return Row(
        f"single event, durability {durability}, 64 connections",
        f"≥ {target:.2f} × raw no-op POST",
        f"{found.spread} × (by CPU time {found.cpu_ratio:.2f})",
        found.ratio >= target,
        f"{describe(median_run(found.candidate))}; raw: {describe(median_run(found.reference))}",
    )


def batches(installed: Installation, seconds: float) -> list[Row]:
    """500 events a request: events per second and core, and against a bare loop over the same bytes."""
    found = against_noop(installed, "os", BATCH, seconds)
    best = median_run(found.candidate)
    per_core = best.requests_per_second * ROWS / best.cpu_share
    bare = bare_rate()
    return [
        Row(
            f"batch of {ROWS} events, durability os",
            "≥ 250 000 events/s per core",
            f"{per_core:,.0f}",
            per_core >= 250_000,
            describe(best),
        ),
        Row(
            f"batch of {ROWS} events against parsing and writing the same bytes in a bare loop",
            "≥ 0.5 ×",
            f"{per_core / bare:.2f} ×",
            per_core / bare >= 0.5,
            f"bare loop {bare:,.0f} events/s per core",
        ),
    ]


def bare_rate(seconds: float = 1.5) -> float:
    """Events per CPU second of `orjson.loads` and `write`, nothing else."""
    with tempfile.TemporaryFile(dir=ROOT) as file:
        started, rounds = time.process_time(), 0
        while time.process_time() - started < seconds:
            orjson.loads(BATCH)
            os.write(file.fileno(), BATCH)
            rounds += 1
        return rounds * ROWS / (time.process_time() - started)


def fsync_latency(installed: Installation, seconds: float) -> Row:
    """The tail of an fsynced event at a modest open-loop rate against a bare fsync of the same disk."""
    asked = load(installed, EVENT, seconds=seconds, rate=500, connections=16)
    with worker_server("fsync", installed.data, EVENTS_DURABILITY="fsync") as worker:
        run_load(worker, load(installed, EVENT, seconds=1))
        pairs = [(bare_fsync_p99(installed.data), run_load(worker, asked)) for _ in range(3)]
    ratios = sorted(run.p99_ms / bare for bare, run in pairs)
    bare, run = pairs[1]
    return Row(
        "single event, fsync, 500 a second (open loop): p99",
        "≤ 4 × p99 of a bare write + fsync",
        f"{ratios[1]:.1f} ({ratios[0]:.1f}–{ratios[-1]:.1f}) ×",
        ratios[1] <= 4,
        f"bare fsync p99 {bare:.2f} ms; {describe(run)}",
    )


def bare_fsync_p99(folder: Path, seconds: float = 2.0) -> float:
    """Milliseconds of the 99th percentile of write + fdatasync, paced like the load."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            started = time.perf_counter()
            os.write(file.fileno(), EVENT)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - started)
            time.sleep(0.002)
    return sorted(took)[int(len(took) * 0.99)] * 1e3


def main(seconds: float) -> None:
    """Measure and print; `seconds` is the length of one run."""
    with installation() as installed:
        rows = [
            single(installed, "os", 0.50, seconds),
            single(installed, "fsync", 0.28, seconds),
            fsync_latency(installed, seconds),
            *batches(installed, seconds),
        ]
    report("events", rows)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
