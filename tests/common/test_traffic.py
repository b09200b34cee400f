"""Traffic by client, surface and minute."""

from __future__ import annotations

from common.traffic import Traffic, add_minute


def make_traffic(minute: int = 5) -> Traffic:
    return Traffic(unix_seconds=lambda: minute * 60 + 1)


def test_requests_are_counted_per_client_and_surface() -> None:
    traffic = make_traffic()
    traffic.count_request("acme", "events", 200, 0.001)
    traffic.count_request("acme", "events", 503, 0.001)
    traffic.count_request("globex", "events", 200, 0.001)
    rows = {(row.client, row.surface): (row.requests, row.errors) for row in traffic.take()}
    assert rows == {("acme", "events"): (2, 1), ("globex", "events"): (1, 0)}


def test_taken_minutes_start_anew() -> None:
    traffic = make_traffic()
    traffic.count_rejected("acme", "events", "invalid_json")
    assert len(traffic.take()) == 1
    assert traffic.take() == []


def test_minutes_of_one_kind_add_up() -> None:
    traffic = make_traffic()
    traffic.count_accepted("acme", "events", 3, 30)
    traffic.count_variation("acme", "events", "a")
    [earlier] = traffic.take()
    traffic.count_accepted("acme", "events", 2, 20)
    traffic.count_variation("acme", "events", "a")
    [row] = traffic.take()
    add_minute(row, earlier)
    assert (row.accepted, row.bytes_in, row.predictions, row.variations) == (5, 50, 2, {"a": 2})


def test_only_the_latest_refusals_are_kept() -> None:
    traffic = make_traffic()
    for number in range(100):
        traffic.note_refusal("acme", "events", {"status": 400, "request_id": str(number)})
    [row] = traffic.take()
    assert [facts["request_id"] for facts in row.refusals][-1] == "99"
    assert len(row.refusals) == 20
