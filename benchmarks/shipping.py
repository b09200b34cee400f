"""Shipping: what an access line costs, requests while Fluentd is dead, and how fast chunks are made."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.events import EVENT, event_load
from benchmarks.rows import Row, Side, compare, ratio_row, run_script, spread
from benchmarks.seed import Installation, installation
from benchmarks.servers import ROOT, Server, environment_of, listening, worker_server

_LINES = 6000


def access_lines(installed: Installation, seconds: float) -> Row:
    """One event a request at 64 connections, with an access line for each and without."""
    asked = event_load(installed.token, seconds)
    with (
        worker_server("without", installed.data, EVENTS_DURABILITY="os", CALLS_SAMPLE="0") as without,
        worker_server("with", installed.data, EVENTS_DURABILITY="os", CALLS_SAMPLE="1") as with_lines,
    ):
        found = compare(Side(without, asked), Side(with_lines, asked))
    what = "single event with an access line of each call, durability `os`, 64 connections"
    return ratio_row(what, found, "the same without access lines", 0.85)


@contextmanager
def machine(name: str, installed: Installation, sink: str) -> Iterator[tuple[Server, Server]]:
    """A worker, and the shipper that takes its records to `sink`."""
    settings = {"EVENTS_SINK": sink, "EVENTS_DURABILITY": "fsync", "FLUENTD_FLUSH_SECONDS": "0.25"}
    environment = environment_of(SELDON_DATA=str(installed.data), LOG_LEVEL="CRITICAL", **settings)
    command = [sys.executable, "-m", "seldon_api.shipper"]
    with worker_server(name, installed.data, **settings) as worker:
        shipper = Server("shipper", 0, subprocess.Popen(command, env=environment, cwd=ROOT))
        try:
            yield worker, shipper
        finally:
            shipper.stop()


def dead_receiver(seconds: float) -> Row:
    """The same load while the receiver is up, and while it is dead and the backlog grows."""
    with ExitStack() as stack:
        dead_port = stack.enter_context(listening()).getsockname()[1]
        stack.close()
        first, second = stack.enter_context(installation()), stack.enter_context(installation())
        receiving = stack.enter_context(listening())
        command = [sys.executable, "-m", "benchmarks.references.forward", str(receiving.fileno())]
        process = subprocess.Popen(command, pass_fds=[receiving.fileno()], env=environment_of(), cwd=ROOT)
        receiver = Server("receiver", receiving.getsockname()[1], process)
        stack.callback(receiver.stop)
        up = stack.enter_context(machine("up", first, f"fluentd://127.0.0.1:{receiver.port}"))
        dead = stack.enter_context(machine("dead", second, f"fluentd://127.0.0.1:{dead_port}"))
        sides = [
            Side(up[0], event_load(first.token, seconds), (up[1], receiver)),
            Side(dead[0], event_load(second.token, seconds), (dead[1],)),
        ]
        found = compare(*sides)
    what = "single event while Fluentd is dead, durability `fsync`, 64 connections, shipper beside"
    return ratio_row(what, found, "the same while it is up", 0.95)


def encoding() -> Row:
    """Events per second of one core from the spool's lines to a gzipped chunk."""
    import msgpack
    import orjson

    from events.shipping.fluentd.encoding import encode_entries, pack_chunk
    from events.sinks.framing import Record

    event = EVENT[:-1] + b',"client":"acme","timestamp":1795256567}'
    payload = b"2026-01-02T03:04:05Z\tevents.live\t%b\n" % event * _LINES
    record = Record("events.live", "acme", 1_767_323_045_000_000_000, _LINES, b"", payload)

    def ours() -> None:
        pack_chunk("events.live", list(encode_entries(record)), is_packed=True)

    def plain() -> None:
        for _ in range(_LINES):
            msgpack.packb(orjson.loads(event))

    pairs = [(_rate(plain), _rate(ours)) for _ in range(5)]
    rates = [mine for _, mine in pairs]
    bare = statistics.median(theirs for theirs, _ in pairs)
    return Row(
        "events made into gzipped chunks of the forward protocol, per core",
        "≥ 100 000 events/s",
        f"{spread(rates, '{:,.0f}')} events/s",
        statistics.median(rates) >= 100_000,
        f"`orjson.loads` and `msgpack.packb` alone, which lose what does not fit: {bare:,.0f} events/s",
    )


def _rate(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return _LINES / (time.process_time() - started)


def measure(seconds: float) -> list[Row]:
    """Every claim on shipping."""
    with installation() as installed:
        lines = access_lines(installed, seconds)
    return [lines, dead_receiver(seconds), encoding()]


if __name__ == "__main__":
    run_script("shipping", measure)
