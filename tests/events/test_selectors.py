"""Counts per client and hour, as people are shown them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from clients.models import TrafficMinute
from clients.services import NewClient
from events.selectors import event_stats, event_tail, spool_waiting

NOW = datetime(2026, 1, 2, 3, 30, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def make_minute(client: NewClient, hour: int, minute: int = 0, writer: int = 1, **counts: Any) -> None:
    at = datetime(2026, 1, 2, hour, minute, tzinfo=UTC)
    given = {"surface": "events", **counts}
    TrafficMinute.objects.create(client=client.client, minute=at, writer=writer, **given)


def test_hours_are_sums_over_minutes_processes_and_doors(acme: NewClient) -> None:
    make_minute(acme, 3, 1, events_accepted=5, bytes=100, events_rejected={"event_malformed": 1})
    make_minute(acme, 3, 1, writer=2, events_accepted=2, bytes=10, events_rejected={"event_malformed": 2})
    make_minute(acme, 3, 9, surface="js", events_accepted=1, bytes=1)
    make_minute(acme, 3, 9, surface="predict", events_accepted=100, bytes=1)
    (hour,) = event_stats(acme.client, hours=1, now=NOW)
    assert (hour.client, hour.hour) == ("acme", "2026-01-02T03:00Z")
    assert (hour.accepted, hour.bytes, hour.rejected) == (8, 111, {"event_malformed": 3})


def test_hours_before_the_window_and_empty_ones_are_left_out(acme: NewClient) -> None:
    make_minute(acme, 1, 59, events_accepted=1)
    make_minute(acme, 2, 0, events_accepted=2)
    make_minute(acme, 3, 0, requests=2)
    assert [hour.accepted for hour in event_stats(acme.client, hours=2, now=NOW)] == [2]


def test_another_clients_events_are_not_counted(acme: NewClient, globex: NewClient) -> None:
    make_minute(globex, 3, events_accepted=5)
    assert event_stats(acme.client, hours=24, now=NOW) == []


def test_a_client_without_events_has_an_empty_tail_and_nothing_waiting(acme: NewClient) -> None:
    assert event_tail(acme.client).last(5) == []
    assert spool_waiting(acme.client).events == 0
