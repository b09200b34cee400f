"""From rows of TrafficMinute to sums over a window: queries that stay few, and arithmetic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from django.db.models import QuerySet, Sum, TextField
from django.db.models.functions import Cast

from clients.models import TrafficMinute
from common.metrics import LATENCY_BOUNDS, quantile
from console.records import Refusal, Window

# The surface whose latency is that of calls to models.
PREDICT = "predict"
_LATENCY_LENGTH = len(LATENCY_BOUNDS) + 1
_EMPTY_OBJECT = "{}"
# Rows with refusals that are looked at; each holds up to twenty.
_REFUSAL_ROWS = 40


class Row(NamedTuple):
    """The columns of one row, the JSON ones as text: decoding is what costs, so it is done where needed."""

    minute: datetime
    surface: str
    requests: int
    errors: int
    accepted: int
    predictions: int
    size: int
    rejected: str
    latency: str
    variations: str


@dataclass(slots=True)
class Sums:
    """Traffic of one bucket, or of the whole window."""

    requests: int = 0
    errors: int = 0
    accepted: int = 0
    predictions: int = 0
    size: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    variations: Counter[str] = field(default_factory=Counter)
    predict_latency: list[int] = field(default_factory=lambda: [0] * _LATENCY_LENGTH)
    other_latency: list[int] = field(default_factory=lambda: [0] * _LATENCY_LENGTH)

    def add_row(self, row: Row) -> None:
        """Add what one process saw in one minute."""
        self.requests += row.requests
        self.errors += row.errors
        self.accepted += row.accepted
        self.predictions += row.predictions
        self.size += row.size
        if row.rejected != _EMPTY_OBJECT:
            self.rejected.update(orjson.loads(row.rejected))
        if row.variations != _EMPTY_OBJECT:
            self.variations.update(orjson.loads(row.variations))
        self._add_latency(row)

    def add(self, other: Sums) -> None:
        """Add another bucket."""
        self.requests += other.requests
        self.errors += other.errors
        self.accepted += other.accepted
        self.predictions += other.predictions
        self.size += other.size
        self.rejected.update(other.rejected)
        self.variations.update(other.variations)
        self.predict_latency = _added(self.predict_latency, other.predict_latency)
        self.other_latency = _added(self.other_latency, other.other_latency)

    def _add_latency(self, row: Row) -> None:
        counts = orjson.loads(row.latency)
        if len(counts) != _LATENCY_LENGTH:
            return  # written by a version with other buckets
        if row.surface == PREDICT:
            self.predict_latency = _added(self.predict_latency, counts)
        else:
            self.other_latency = _added(self.other_latency, counts)


def _added(left: list[int], right: list[int]) -> list[int]:
    return [a + b for a, b in zip(left, right, strict=True)]


def quantile_or_none(counts: list[int], share: float) -> float | None:
    """Seconds at the quantile; None when nothing was measured, which is a gap in a plot and not a zero."""
    return quantile(counts, share) if any(counts) else None


def window_start(window: Window, now: datetime) -> datetime:
    """The first minute of the window whose last bucket holds `now`."""
    minute = now.replace(second=0, microsecond=0)
    past = minute.minute % window.bucket_minutes
    return minute - timedelta(minutes=past + window.minutes - window.bucket_minutes)


def bucket_words(window: Window, start: datetime) -> tuple[str, ...]:
    """`HH:MM` of the beginning of each bucket."""
    step = timedelta(minutes=window.bucket_minutes)
    return tuple(f"{start + index * step:%H:%M}" for index in range(window.bucket_count))


def client_buckets(client_id: int, window: Window, start: datetime) -> list[Sums]:
    """One client's traffic by bucket, in one query."""
    buckets = [Sums() for _ in range(window.bucket_count)]
    rows = TrafficMinute.objects.for_client(client_id).filter(minute__gte=start)
    for row in _rows(rows):
        index = int((row.minute - start).total_seconds()) // 60 // window.bucket_minutes
        if index < len(buckets):
            buckets[index].add_row(row)
    return buckets


def whole(buckets: Iterable[Sums]) -> Sums:
    """The sum of all buckets."""
    total = Sums()
    for bucket in buckets:
        total.add(bucket)
    return total


def _rows(query: QuerySet[TrafficMinute]) -> Iterator[Row]:
    columns = query.order_by().values_list(
        "minute",
        "surface",
        "requests",
        "errors",
        "events_accepted",
        "predictions",
        "bytes",
        Cast("events_rejected", TextField()),
        Cast("latency", TextField()),
        Cast("variations", TextField()),
    )
    return (Row(*row) for row in columns.iterator(chunk_size=5000))


# -- all clients at once ---------------------------------------------------------------------------

_SUMS: dict[str, Any] = {
    "events": Sum("events_accepted"),
    "predictions": Sum("predictions"),
    "requests": Sum("requests"),
    "errors": Sum("errors"),
}


class Totals(NamedTuple):
    """Sums of a client, or of a minute."""

    events: int = 0
    predictions: int = 0
    requests: int = 0
    errors: int = 0


def totals_by_client(since: datetime) -> dict[int, Totals]:
    """Sums of every client since then, by primary key."""
    return {key: Totals(**sums) for key, sums in _grouped("client_id", since)}


def totals_by_minute(since: datetime) -> dict[datetime, Totals]:
    """Sums over all clients since then, by minute."""
    return {key: Totals(**sums) for key, sums in _grouped("minute", since)}


def _grouped(column: str, since: datetime) -> Iterator[tuple[Any, dict[str, int]]]:
    rows = TrafficMinute.objects.for_all_clients().filter(minute__gte=since).order_by()
    for row in rows.values(column).annotate(**_renamed()):
        yield row[column], {name: row[f"{name}_sum"] for name in _SUMS}


def _renamed() -> dict[str, Any]:
    """`requests` and `errors` are columns too, so the sums need names of their own."""
    return {f"{name}_sum": expression for name, expression in _SUMS.items()}


def traces(client_ids: list[int], window: Window, start: datetime) -> dict[int, list[int]]:
    """Requests per bucket of a few clients, for the sparklines of one page."""
    found = {key: [0] * window.bucket_count for key in client_ids}
    rows = TrafficMinute.objects.for_all_clients().filter(client__in=client_ids, minute__gte=start)
    sums = rows.order_by().values_list("client_id", "minute").annotate(Sum("requests"))
    for key, minute, requests in sums:
        index = int((minute - start).total_seconds()) // 60 // window.bucket_minutes
        if index < window.bucket_count:
            found[key][index] += requests
    return found


# -- refusals --------------------------------------------------------------------------------------


def latest_refusals(client_id: int | None, since: datetime, most: int = 20) -> tuple[Refusal, ...]:
    """The last refused requests of one client (None: of all), newest first, alike ones once."""
    query = TrafficMinute.objects.for_all_clients().exclude(refusals=[]).filter(minute__gte=since)
    if client_id is not None:
        query = query.filter(client=client_id)
    rows = query.order_by("-minute").values_list("client__name", "surface", "minute", "refusals")
    told = [
        _refusal(client, surface, minute, facts)
        for client, surface, minute, kept in rows[:_REFUSAL_ROWS]
        for facts in kept
    ]
    return tuple(_grouped_alike(sorted(told, key=lambda refusal: refusal.at, reverse=True))[:most])


def _grouped_alike(refusals: list[Refusal]) -> list[Refusal]:
    """The first of those that tell the same, with how many there are."""
    counts = Counter(map(_what_it_tells, refusals))
    first = {_what_it_tells(refusal): refusal for refusal in reversed(refusals)}
    alike = sorted(first.items(), key=lambda pair: pair[1].at, reverse=True)
    return [replace(refusal, count=counts[told]) for told, refusal in alike]


def _what_it_tells(refusal: Refusal) -> tuple[str, str, int, str, str]:
    return refusal.client, refusal.surface, refusal.status, refusal.code, refusal.message


def _refusal(client: str, surface: str, minute: datetime, facts: dict[str, Any]) -> Refusal:
    return Refusal(
        at=_moment(facts.get("at"), minute),
        client=client,
        surface=surface,
        status=int(facts.get("status", 0)),
        code=str(facts.get("code", "")),
        message=str(facts.get("message", "")),
        request_id=str(facts.get("request_id", "")),
    )


def _moment(value: Any, minute: datetime) -> datetime:
    """`at` as Unix seconds or ISO 8601; the minute when it is neither."""
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, minute.tzinfo)
        return datetime.fromisoformat(str(value))
    except ValueError:
        return minute
