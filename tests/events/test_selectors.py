"""Counts per client and hour, as people are shown them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clients.models import TrafficMinute
from clients.services import NewClient
from common import clock
from events.parts import status_file
from events.selectors import event_stats, event_tail, late_shipping, spool_waiting
from events.sinks.framing import Record
from tests.events.doubles import open_writer, write_records

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


def wait_in_spool(data: Path, seconds: int) -> None:
    writer = open_writer(data / "spool")
    at = clock.unix_nanoseconds() - seconds * 1_000_000_000
    write_records(writer, Record("events.live", "acme", at, 1, b"", b"a line\n"))
    writer.close()


@pytest.mark.parametrize(("seconds", "words"), [(600, "10 minutes"), (90_000, "25 hours")])
def test_records_that_wait_too_long_are_told_with_the_reason(
    settings: Any, tmp_path: Path, seconds: int, words: str
) -> None:
    settings.SELDON_DATA, settings.EVENTS_LATE_SECONDS = tmp_path, 60
    wait_in_spool(tmp_path, seconds)
    status_file().tell("fluentd://a", "a:24224: Connection refused")
    assert (
        late_shipping() == f"records have been waiting in the spool for {words}: a:24224: Connection refused"
    )


def test_a_shipper_that_does_not_run_is_a_reason_too(settings: Any, tmp_path: Path) -> None:
    settings.SELDON_DATA, settings.EVENTS_LATE_SECONDS = tmp_path, 60
    wait_in_spool(tmp_path, 100)
    assert "the shipper does not run" in (late_shipping() or "")


@pytest.mark.parametrize(("limit", "seconds"), [(0, 1000), (300, 100)])
def test_nothing_is_late_within_the_limit_or_without_one(
    settings: Any, tmp_path: Path, limit: float, seconds: int
) -> None:
    settings.SELDON_DATA, settings.EVENTS_LATE_SECONDS = tmp_path, limit
    wait_in_spool(tmp_path, seconds)
    assert late_shipping() is None
