"""Overviews: sums over writers and surfaces, buckets, gaps, whose they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clients.services import NewClient
from console.dashboards import client_dashboard, client_table, installation_dashboard
from console.records import DAY, HOUR, Tile, Window
from console.traffic import window_start
from tests.console.traffic import add_minute, latency

NOW = datetime(2026, 11, 21, 12, 34, 56, tzinfo=UTC)
MINUTE = NOW.replace(second=0)
WAITING = Tile("Spool waiting", "0")


def tiles(client: NewClient, window: Window = HOUR) -> dict[str, str]:
    found = client_dashboard(client.client, window, NOW, WAITING).tiles
    return {tile.label: tile.value.replace("\u202f", " ") for tile in found}


def ago(minutes: int) -> datetime:
    return MINUTE - timedelta(minutes=minutes)


@pytest.mark.parametrize(("window", "first"), [(HOUR, "11:35"), (DAY, "12:40")])
def test_window_ends_with_the_bucket_of_now(window: Window, first: str) -> None:
    assert f"{window_start(window, NOW):%H:%M}" == first


def test_processes_and_surfaces_are_summed(acme: NewClient) -> None:
    add_minute(acme.client, ago(3), requests=10, events_accepted=9, errors=1)
    add_minute(acme.client, ago(3), writer=2, requests=10, events_accepted=10)
    add_minute(acme.client, ago(4), "js", requests=5, events_accepted=5)
    add_minute(acme.client, ago(4), "predict", requests=8, predictions=7, latency=latency(0.01, 8))
    shown = tiles(acme)
    assert (shown["Events"], shown["Predictions"], shown["Error rate"]) == ("24", "7", "3.0 %")


def test_answered_predictions_count_wherever_they_came_in(acme: NewClient) -> None:
    add_minute(acme.client, ago(2), "predict", requests=5, predictions=3, errors=2)
    add_minute(acme.client, ago(2), "js", requests=4, predictions=1)
    assert tiles(acme)["Predictions"] == "4"
    assert client_table(NOW, "acme", "name", 1).rows[0].predictions == 4


def test_latency_is_that_of_predictions_alone(acme: NewClient) -> None:
    add_minute(acme.client, ago(2), "predict", requests=100, latency=latency(0.1, 100))
    add_minute(acme.client, ago(2), "events", requests=900, latency=latency(0.001, 900))
    assert tiles(acme)["Prediction p50"] == "87.5 ms"


def test_another_client_s_traffic_is_invisible(acme: NewClient, globex: NewClient) -> None:
    add_minute(
        globex.client, ago(2), requests=50, events_accepted=50, refusals=[{"status": 400, "code": "x"}]
    )
    dashboard = client_dashboard(acme.client, HOUR, NOW, WAITING)
    assert dashboard.is_silent
    assert dashboard.refusals == ()


def test_minutes_before_the_window_do_not_count(acme: NewClient) -> None:
    add_minute(acme.client, ago(60), events_accepted=1)
    assert tiles(acme)["Events"] == "0"
    assert tiles(acme, DAY)["Events"] == "1"


def test_plot_shows_rates_and_leaves_out_the_minute_that_is_not_over(acme: NewClient) -> None:
    add_minute(acme.client, ago(1), events_accepted=30)
    add_minute(acme.client, ago(0), events_accepted=3)
    events = client_dashboard(acme.client, HOUR, NOW, WAITING).throughput.series[0]
    assert events.values[-2:] == (30, None)


def test_plot_of_a_day_has_rates_per_minute(acme: NewClient) -> None:
    for minutes in (5, 6, 7):  # 12:27 to 12:29, in the bucket before the present one
        add_minute(acme.client, ago(minutes), events_accepted=10)
    events = client_dashboard(acme.client, DAY, NOW, WAITING).throughput.series[0]
    assert len(events.values) == 144
    assert events.values[-2] == 3


def test_latency_without_predictions_is_a_gap_not_a_zero(acme: NewClient) -> None:
    add_minute(acme.client, ago(5), "predict", latency=latency(0.01, 1))
    p99 = client_dashboard(acme.client, HOUR, NOW, WAITING).latency.series[0]
    assert [index for index, value in enumerate(p99.values) if value is not None] == [54]


def test_shares_of_variations_and_reasons(acme: NewClient) -> None:
    add_minute(acme.client, ago(1), "predict", requests=4, variations={"control": 3, "boosted": 1})
    add_minute(acme.client, ago(1), events_rejected={"invalid_json": 2})
    dashboard = client_dashboard(acme.client, HOUR, NOW, WAITING)
    assert [(share.name, share.share) for share in dashboard.variations] == [
        ("control", 0.75),
        ("boosted", 0.25),
    ]
    assert [(share.name, share.count) for share in dashboard.rejections] == [("invalid_json", 2)]


def test_latest_refusals_come_first(acme: NewClient) -> None:
    for minutes, code in ((9, "old"), (1, "new")):
        at = ago(minutes).timestamp()
        facts = {"at": at, "status": 400, "code": code, "message": "why", "request_id": "1"}
        add_minute(acme.client, ago(minutes), refusals=[facts])
    codes = [refusal.code for refusal in client_dashboard(acme.client, HOUR, NOW, WAITING).refusals]
    assert codes == ["new", "old"]


def test_refusals_that_tell_the_same_are_shown_once(acme: NewClient) -> None:
    for minutes in (9, 1):
        at = ago(minutes).timestamp()
        facts = {"status": 502, "code": "microservice_failed", "message": "why"}
        refusals = [{"at": at + index, "request_id": f"{minutes}-{index}", **facts} for index in range(5)]
        add_minute(acme.client, ago(minutes), "predict", refusals=refusals)
    add_minute(acme.client, ago(2), refusals=[{"at": ago(2).timestamp(), "status": 400, "code": "other"}])
    refusals_shown = client_dashboard(acme.client, HOUR, NOW, WAITING).refusals
    assert [(refusal.code, refusal.count) for refusal in refusals_shown] == [
        ("microservice_failed", 10),
        ("other", 1),
    ]
    assert refusals_shown[0].request_id == "1-4"


def test_latency_of_other_buckets_is_left_out(acme: NewClient) -> None:
    add_minute(acme.client, ago(1), "predict", latency=[1, 2])
    assert tiles(acme)["Prediction p50"] == "–"


def test_installation_sums_all_clients(acme: NewClient, globex: NewClient) -> None:
    add_minute(acme.client, ago(2), requests=10, events_accepted=10)
    add_minute(globex.client, ago(2), "predict", requests=5, errors=5)
    dashboard = installation_dashboard(NOW, WAITING)
    assert {tile.label: tile.value for tile in dashboard.tiles}["Busy clients"] == "2"
    assert dashboard.throughput.series[0].values[-3] == 10
    assert dashboard.errors.series[0].values[-3] == 5


def test_table_is_sorted_searched_and_paged(acme: NewClient, globex: NewClient) -> None:
    add_minute(globex.client, ago(2), requests=5, errors=1)
    assert [row.name for row in client_table(NOW, "", "-requests", 1).rows] == ["globex", "acme"]
    assert [row.name for row in client_table(NOW, "", "name", 1).rows] == ["acme", "globex"]
    assert [row.name for row in client_table(NOW, "ACM", "-requests", 9).rows] == ["acme"]


def test_table_s_trace_is_requests_by_minute(acme: NewClient) -> None:
    add_minute(acme.client, ago(2), requests=5)
    add_minute(acme.client, ago(2), "predict", writer=2, requests=4)
    [row] = client_table(NOW, "acme", "name", 1).rows
    assert row.trace[-3] == 9
    assert sum(row.trace) == 9
