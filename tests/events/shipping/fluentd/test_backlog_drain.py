"""A backlog that grew while the receiver was dead goes out in order, in few turns, and leaves nothing."""

from __future__ import annotations

from pathlib import Path
from threading import Event

from events.shipping.fluentd.destination import CHUNK_BYTES
from events.shipping.fluentd.handshake import Secrets
from events.shipping.fluentd.making import FluentdPlan, make_fluentd
from events.shipping.fluentd.receiver import breathe_freely
from events.shipping.pacing import Pacing
from events.shipping.retention import Retention
from events.shipping.running import ShippingLoop
from events.shipping.shipper import Shipper
from events.sinks.framing import Record
from tests.events.doubles import MOMENT_NS, open_writer, write_records
from tests.forward import ForwardReceiver

BATCH = 500
EVENTS = 100_000


def make_batch(first: int) -> Record:
    lines = [
        b'2026-01-02T03:04:05Z\tevents.live\t{"n":%d,"client":"acme"}\n' % n
        for n in range(first, first + BATCH)
    ]
    return Record("events.live", "acme", MOMENT_NS + first, BATCH, b"", b"".join(lines))


def test_a_backlog_goes_out_in_order_once_the_receiver_is_back(tmp_path: Path) -> None:
    told: list[str] = []
    receiver = ForwardReceiver().start()
    receiver.stop()
    writer = open_writer(tmp_path / "spool", segment_bytes=1 << 20)
    write_records(writer, *[make_batch(first) for first in range(0, EVENTS, BATCH)])
    plan = FluentdPlan(receiver.url, Secrets(), connect_seconds=5, ack_seconds=20)
    shipper = Shipper(tmp_path / "spool", make_fluentd(plan, breathe_freely), round_bytes=CHUNK_BYTES)
    retention = Retention(tmp_path / "logs")
    loop = ShippingLoop(shipper, Pacing(0, 0), retention, Event(), lambda: None, told.append)
    waiting = shipper.waiting_bytes()
    loop.turn()
    loop.turn()
    assert shipper.waiting_bytes() == waiting > 4 * CHUNK_BYTES
    receiver.start()
    loop.turn()
    loop.turn()
    assert ["refused" in problem for problem in told] == [True, True, False, False]
    assert receiver.numbers() == list(range(EVENTS))
    assert shipper.waiting_bytes() == 0
    assert len(list(tmp_path.glob("spool/w0*/*.segment"))) == 1
    shipper.close()
    writer.close()
    receiver.stop()
