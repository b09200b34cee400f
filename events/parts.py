"""Makes the parts of events from the settings, for whoever composes a process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event

from django.conf import settings

from events.idempotency import KeyStore, SqliteKeyStore
from events.records import EventLimits
from events.services import ChargeEvents, EventIntake, charge_nothing
from events.shipping.hourly import HourlyFiles
from events.shipping.pacing import Pacing
from events.shipping.retention import Retention
from events.shipping.running import ShippingLoop
from events.shipping.shipper import Shipper
from events.sinks.base import Sink
from events.sinks.segments import SegmentWriter, SpoolLimits
from events.sinks.spool import FsyncSpoolSink, OsSpoolSink

_SPOOLS = {"fsync": FsyncSpoolSink, "os": OsSpoolSink}
_DESTINATIONS = {"spool": HourlyFiles}


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
    )
    return _SPOOLS[durability](writer)


def make_key_store() -> KeyStore:
    """Where idempotency keys are remembered."""
    return SqliteKeyStore(Path(settings.SELDON_DATA) / "run" / "idempotency.sqlite3")


def make_intake(sink: Sink, keys: KeyStore, charge: ChargeEvents = charge_nothing) -> EventIntake:
    """What the endpoints of events call."""
    return EventIntake(sink, keys, EventLimits(settings.EVENTS_MAX_BATCH, settings.EVENTS_MAX_DEPTH), charge)


def make_shipping_loop(stopping: Event, on_turn: Callable[[], None]) -> ShippingLoop:
    """The shipper's loop; ConflictError when another shipper works on the same spool."""
    logs = logs_folder()
    return ShippingLoop(
        shipper=Shipper(spool_folder(), _DESTINATIONS[settings.EVENTS_SINK](logs)),
        pacing=Pacing(settings.EVENTS_FLUSH_MIN_SECONDS, settings.EVENTS_FLUSH_MAX_SECONDS),
        retention=Retention(logs, settings.LOGS_KEEP_DAYS, settings.LOGS_KEEP_BYTES),
        stopping=stopping,
        on_turn=on_turn,
    )
