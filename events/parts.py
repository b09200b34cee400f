"""Makes the parts of events from the settings, for whoever composes a process."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event
from typing import Final

from django.conf import settings

from events.idempotency import KeyStore, SqliteKeyStore
from events.records import EventLimits
from events.services import ChargeEvents, EventIntake, charge_nothing
from events.shipping.backlog import BacklogLimit
from events.shipping.breathing import Breathing
from events.shipping.fluentd.destination import CHUNK_BYTES
from events.shipping.fluentd.handshake import Secrets
from events.shipping.fluentd.making import FluentdPlan, TlsOptions, make_fluentd
from events.shipping.hourly import HourlyFiles
from events.shipping.pacing import Pacing
from events.shipping.repeats import Repeats
from events.shipping.retention import Retention
from events.shipping.running import ShippingLoop
from events.shipping.shipper import Shipper
from events.shipping.status import StatusFile
from events.sinks.base import Sink
from events.sinks.segments import SegmentWriter, SpoolLimits
from events.sinks.spool import FsyncSpoolSink, OsSpoolSink

_SPOOLS = {"fsync": FsyncSpoolSink, "os": OsSpoolSink}
# What remains of the grace time after it is for giving up in order.
_SHARE_OF_GRACE: Final = 0.5
# A receiver that is back is noticed within this time.
_FLUENTD_PAUSE_SECONDS: Final = 5.0


def spool_folder() -> Path:
    """Where the spool lies."""
    return Path(settings.SELDON_DATA) / "spool"


def logs_folder() -> Path:
    """Where the hourly files lie."""
    return Path(settings.SELDON_DATA) / "logs"


def make_sink(slot: str = "worker") -> Sink:
    """The spool of one process, as EVENTS_DURABILITY says; `slot` begins the name of its folder."""
    durability = settings.EVENTS_DURABILITY
    writer = SegmentWriter(
        spool_folder(),
        slot,
        synchronous=durability == "fsync",
        limits=SpoolLimits(settings.SPOOL_SEGMENT_BYTES, settings.SPOOL_RESERVE_BYTES),
        admit=BacklogLimit(spool_folder(), settings.SPOOL_MAX_BYTES).check,
    )
    return _SPOOLS[durability](writer)


def make_key_store() -> SqliteKeyStore:
    """Where idempotency keys are remembered on this machine."""
    return SqliteKeyStore(Path(settings.SELDON_DATA) / "run" / "idempotency.sqlite3")


def make_intake(sink: Sink, keys: KeyStore, charge: ChargeEvents = charge_nothing) -> EventIntake:
    """What the endpoints of events call."""
    return EventIntake(sink, keys, EventLimits(settings.EVENTS_MAX_BATCH, settings.EVENTS_MAX_DEPTH), charge)


def status_file() -> StatusFile:
    """Where the shipper says how it is."""
    return StatusFile(Path(settings.SELDON_DATA) / "run" / "shipping.json")


def make_shipping_loop(stopping: Event, on_turn: Callable[[], None], repeats: Repeats) -> ShippingLoop:
    """The shipper's loop, to where EVENTS_SINK says; ConflictError when another one works on the spool."""
    if settings.EVENTS_SINK == "spool":
        shipper = Shipper(spool_folder(), HourlyFiles(logs_folder()), repeats=repeats)
        pacing = Pacing(settings.EVENTS_FLUSH_MIN_SECONDS, settings.EVENTS_FLUSH_MAX_SECONDS)
        return _make_loop(shipper, pacing, stopping, on_turn)

    def tell() -> None:
        shipper.waiting_bytes()
        on_turn()

    breathe = Breathing(stopping, settings.SELDON_GRACE_SECONDS * _SHARE_OF_GRACE, tell)
    fluentd = make_fluentd(fluentd_plan(), breathe)
    shipper = Shipper(spool_folder(), fluentd, round_bytes=CHUNK_BYTES, repeats=repeats)
    loop = _make_loop(
        shipper, Pacing(settings.FLUENTD_FLUSH_SECONDS, settings.FLUENTD_FLUSH_SECONDS), stopping, on_turn
    )
    loop.longest_pause_seconds = _FLUENTD_PAUSE_SECONDS
    return loop


def fluentd_plan() -> FluentdPlan:
    """How the settings want Fluentd to be spoken to."""
    secrets = Secrets(settings.FLUENTD_SHARED_KEY, settings.FLUENTD_USER, settings.FLUENTD_PASSWORD)
    tls = TlsOptions(settings.FLUENTD_TLS_CA, settings.FLUENTD_TLS_VERIFY_HOST)
    return FluentdPlan(
        settings.EVENTS_SINK,
        secrets,
        tls if settings.FLUENTD_TLS else None,
        settings.FLUENTD_GZIP,
        settings.FLUENTD_CONNECT_SECONDS,
        settings.FLUENTD_ACK_SECONDS,
    )


def _make_loop(
    shipper: Shipper, pacing: Pacing, stopping: Event, on_turn: Callable[[], None]
) -> ShippingLoop:
    return ShippingLoop(
        shipper=shipper,
        pacing=pacing,
        retention=Retention(logs_folder(), settings.LOGS_KEEP_DAYS, settings.LOGS_KEEP_BYTES),
        stopping=stopping,
        on_turn=on_turn,
        on_outcome=partial(status_file().tell, settings.EVENTS_SINK),
    )
