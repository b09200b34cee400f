"""Reading events for display: the newest lines, counts per hour, what waits in the spool."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings

from clients.selectors import traffic_minutes
from common import clock
from events.parts import spool_folder, status_file
from events.records import HourStats, Waiting
from events.shipping.backlog import spool_oldest_ns
from events.sinks.base import EVENTS
from events.tailing import COUNT_LIMIT, EventTail, count_waiting

if TYPE_CHECKING:
    from clients.models import Client

# Where events come in.
_SURFACES: Final = ("events", "js")


@dataclass(slots=True)
class _Hour:
    accepted: int = 0
    bytes: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


def event_tail(client: Client, stream: str = EVENTS) -> EventTail:
    """The lines of `client`, newest known first asked for with `last`, later ones with `new`.

    What was shipped to another system is there, and cannot be read here.
    """
    reads_files = settings.EVENTS_SINK == "spool"
    return EventTail(Path(settings.SELDON_DATA), client.name, stream, reads_files=reads_files)


def shipped_elsewhere() -> str:
    """The other system that records go to; empty when they go to hourly files of this machine."""
    sink: str = settings.EVENTS_SINK
    return "" if sink == "spool" else sink


def late_shipping() -> str | None:
    """Why records wait longer than EVENTS_LATE_SECONDS, in one line; None when none does."""
    oldest = spool_oldest_ns(spool_folder()) if settings.EVENTS_LATE_SECONDS else None
    if oldest is None:
        return None
    age = clock.unix_nanoseconds() // 1_000_000_000 - oldest // 1_000_000_000
    if age <= settings.EVENTS_LATE_SECONDS:
        return None
    status = status_file().read()
    reason = (status.problem if status else "") or "the shipper does not run, or cannot keep up"
    return f"records have been waiting in the spool for {_in_words(age)}: {reason}"


def _in_words(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} seconds"
    return f"{seconds // 60} minutes" if seconds < 7200 else f"{seconds // 3600} hours"


def spool_waiting(client: Client, *, limit: int = COUNT_LIMIT) -> Waiting:
    """The client's records that lie in the spool and are not shipped yet, counted over at most `limit`."""
    return count_waiting(spool_folder(), client.name, limit)


def event_stats(client: Client, *, hours: int, now: datetime | None = None) -> list[HourStats]:
    """The client's last `hours` hours, the present one included, oldest first; empty hours are left out."""
    this_hour = (now or clock.now()).replace(minute=0, second=0, microsecond=0)
    since = this_hour - timedelta(hours=hours - 1)
    rows = traffic_minutes(client, since=since, surfaces=_SURFACES)
    sums: dict[datetime, _Hour] = {}
    for minute, accepted, rejected, size in rows.values_list(
        "minute", "events_accepted", "events_rejected", "bytes"
    ):
        hour = sums.setdefault(minute.replace(minute=0), _Hour())
        hour.accepted += accepted
        hour.bytes += size
        hour.rejected.update(rejected)
    return [
        HourStats(client.name, f"{at:%Y-%m-%dT%H:00Z}", hour.accepted, dict(hour.rejected), hour.bytes)
        for at, hour in sorted(sums.items())
        if hour.accepted or hour.rejected
    ]
