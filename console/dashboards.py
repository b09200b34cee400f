"""The overviews: a few queries in, frozen records out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from django.core.cache import cache

from clients.models import Client
from console.numbers import byte_size, compact, duration, grouped, percent
from console.plots import Plot, Series, shares_of
from console.records import HOUR, ClientDashboard, ClientRow, ClientTable, InstallationDashboard, Tile, Window
from console.traffic import (
    Sums,
    Totals,
    bucket_words,
    client_buckets,
    latest_refusals,
    quantile_or_none,
    totals_by_client,
    totals_by_minute,
    traces,
    whole,
    window_start,
)

T = TypeVar("T")
PerMinute = Callable[[list[int]], tuple[float | None, ...]]

CLIENTS_PER_PAGE: Final = 25
# Sums over all clients are kept this long, so that ten people looking cost what one does.
_KEPT_SECONDS: Final = 10

SORTS: Final = ("name", "events", "predictions", "requests", "errors")


# -- one client ------------------------------------------------------------------------------------


def client_dashboard(client: Client, window: Window, now: datetime, waiting: Tile) -> ClientDashboard:
    """What happened to `client` in `window`; `waiting` is the spool's tile."""
    start = window_start(window, now)
    buckets = client_buckets(client.pk, window, start)
    total = whole(buckets)
    words = bucket_words(window, start)
    per_minute = partial(_per_minute, window=window, now=now)
    return ClientDashboard(
        window=window,
        tiles=_client_tiles(total, window, waiting),
        throughput=_throughput(words, buckets, per_minute),
        latency=_latency(words, buckets),
        errors=_errors(words, buckets, per_minute),
        variations=shares_of(list(total.variations.items())),
        rejections=shares_of(list(total.rejected.items())),
        refusals=latest_refusals(client.pk, now - timedelta(days=1), most=12),
        is_silent=not (total.requests or total.rejected),
    )


def _client_tiles(total: Sums, window: Window, waiting: Tile) -> tuple[Tile, ...]:
    rejected = sum(total.rejected.values())
    rate = f"{_rate(total.accepted, window)} a minute"
    refused = f"{rate}, {grouped(rejected)} refused" if rejected else f"{rate}, {byte_size(total.size)}"
    return (
        Tile("Events", compact(total.accepted), refused),
        Tile("Predictions", compact(total.predictions), f"{_rate(total.predictions, window)} a minute"),
        Tile("Error rate", *error_words(total.errors, total.requests)),
        Tile("Prediction p50", _seconds(total.predict_latency, 0.5), "half are quicker"),
        Tile("Prediction p99", _seconds(total.predict_latency, 0.99), "99 of 100 are quicker"),
        waiting,
    )


def _rate(count: int, window: Window) -> str:
    return compact(count / window.minutes)


def error_words(errors: int, requests: int, noun: str = "requests") -> tuple[str, str, str]:
    """The rate, what it is made of, and how worried to be."""
    if not requests:
        return "–", f"no {noun}", ""
    share = errors / requests
    mood = "bad" if share >= 0.05 else "warn" if share >= 0.01 else "good"
    return percent(share), f"{grouped(errors)} of {grouped(requests)} {noun}", mood


def _seconds(counts: list[int], share: float) -> str:
    seconds = quantile_or_none(counts, share)
    return "–" if seconds is None else duration(seconds)


def _per_minute(counts: list[int], window: Window, now: datetime) -> tuple[float | None, ...]:
    """Counts per minute. The present minute is not over: alone in its bucket it would look like a fall."""
    full = now.minute % window.bucket_minutes
    last = counts[-1] / full if full else None
    return (*(count / window.bucket_minutes for count in counts[:-1]), last)


def _throughput(words: tuple[str, ...], buckets: list[Sums], per_minute: PerMinute) -> Plot:
    events = per_minute([bucket.accepted for bucket in buckets])
    predictions = per_minute([bucket.predictions for bucket in buckets])
    series = (Series("Events", "events", events), Series("Predictions", "predictions", predictions))
    return Plot("Events and predictions per minute", words, series)


def _latency(words: tuple[str, ...], buckets: list[Sums]) -> Plot:
    series = tuple(
        Series(name, colour, tuple(quantile_or_none(bucket.predict_latency, share) for bucket in buckets))
        for name, colour, share in (("p99", "p99", 0.99), ("p50", "p50", 0.5))
    )
    return Plot("Prediction latency", words, series, duration)


def _errors(words: tuple[str, ...], buckets: list[Sums], per_minute: PerMinute) -> Plot:
    failed = per_minute([bucket.errors for bucket in buckets])
    return Plot("Refused and failed requests per minute", words, (Series("Errors", "errors", failed),))


# -- the installation ------------------------------------------------------------------------------


def installation_dashboard(now: datetime, waiting: Tile) -> InstallationDashboard:
    """What happened to all clients together in the last hour."""
    start = window_start(HOUR, now)
    by_minute = _minutes(start)
    minutes = [start + timedelta(minutes=index) for index in range(HOUR.minutes)]
    totals = [by_minute.get(minute, Totals()) for minute in minutes]
    words = bucket_words(HOUR, start)
    return InstallationDashboard(
        tiles=_installation_tiles(totals, len(_totals(start)), waiting),
        throughput=_throughput_of(words, totals),
        errors=Plot(
            "Refused and failed requests per minute",
            words,
            (Series("Errors", "errors", (*(total.errors for total in totals[:-1]), None)),),
        ),
        refusals=_kept("refusals", start, lambda: latest_refusals(None, start, most=8)),
        client_count=Client.objects.count(),
    )


def _throughput_of(words: tuple[str, ...], totals: list[Totals]) -> Plot:
    # The present minute is not over, see _per_minute.
    series = (
        Series("Events", "events", (*(total.events for total in totals[:-1]), None)),
        Series("Predictions", "predictions", (*(total.predictions for total in totals[:-1]), None)),
    )
    return Plot("Events and predictions per minute", words, series)


def _installation_tiles(totals: list[Totals], busy: int, waiting: Tile) -> tuple[Tile, ...]:
    events, predictions, requests, errors = (sum(column) for column in zip(*totals, strict=True))
    return (
        Tile("Events", compact(events), "in the last hour"),
        Tile("Predictions", compact(predictions), "in the last hour"),
        Tile("Error rate", *error_words(errors, requests)),
        Tile("Busy clients", grouped(busy), "sent something in the last hour"),
        waiting,
    )


def _totals(start: datetime) -> dict[int, Totals]:
    return _kept("clients", start, lambda: totals_by_client(start))


def _minutes(start: datetime) -> dict[datetime, Totals]:
    return _kept("minutes", start, lambda: totals_by_minute(start))


def _kept(name: str, start: datetime, make: Callable[[], T]) -> T:
    kept: T | None = cache.get_or_set(f"console:{name}:{start:%d%H%M}", make, _KEPT_SECONDS)
    return make() if kept is None else kept


# -- the table of clients --------------------------------------------------------------------------


def client_table(now: datetime, search: str, sort: str, page: int) -> ClientTable:
    """A page of the clients whose name holds `search`; `sort` is a column, with `-` the largest first."""
    start = window_start(HOUR, now)
    totals = _totals(start)
    clients = list(Client.objects.filter(name__icontains=search).values_list("pk", "name", "is_active"))
    column = sort.removeprefix("-")
    if column in SORTS[1:]:
        index = Totals._fields.index(column)
        clients.sort(key=lambda client: totals.get(client[0], Totals())[index], reverse=sort.startswith("-"))
    elif sort == "-name":
        clients.reverse()
    page_count = max(1, -(-len(clients) // CLIENTS_PER_PAGE))
    page = min(max(page, 1), page_count)
    shown = clients[(page - 1) * CLIENTS_PER_PAGE : page * CLIENTS_PER_PAGE]
    return ClientTable(_table_rows(shown, totals, start), search, sort, page, page_count, len(clients))


def _table_rows(
    shown: list[tuple[int, str, bool]], totals: dict[int, Totals], start: datetime
) -> tuple[ClientRow, ...]:
    lines = traces([key for key, _, _ in shown], HOUR, start)
    return tuple(
        ClientRow(name, is_active, *totals.get(key, Totals()), trace=tuple(lines[key]))
        for key, name, is_active in shown
    )
