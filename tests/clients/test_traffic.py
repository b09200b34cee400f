"""Traffic on its way to the table: sums per minute, each counted once whatever happens in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connection, connections

from clients import traffic
from clients.models import TrafficMinute
from clients.services import NewClient, issue_token
from clients.traffic import TrafficBook, TrafficPart, prune_traffic
from common import clock
from common.traffic import Minute, Traffic
from tests.factories import make_client

pytestmark = pytest.mark.django_db

MINUTE = 29_000_000
AT = datetime.fromtimestamp(MINUTE * 60, UTC)


def make_minute(client: str = "acme", minute: int = MINUTE, **counts: Any) -> Minute:
    return Minute(client, "events", minute, **{"requests": 1, **counts})


def rows(new: NewClient) -> list[TrafficMinute]:
    return list(TrafficMinute.objects.for_client(new.client).order_by("minute", "writer"))


def test_minute_is_stored_with_all_its_counts(acme: NewClient) -> None:
    book = TrafficBook()
    latency = [1, 2] + [0] * 18
    refusal: dict[str, str | int] = {
        "at": 1,
        "status": 401,
        "code": "token_unknown",
        "message": "no",
        "request_id": "r",
    }
    minute = make_minute(
        requests=3, errors=1, bytes_in=10, accepted=2, rejected={"x": 1}, variations={"a": 3}, latency=latency
    )
    minute.predictions = 3
    minute.refusals.append(refusal)
    book.add([minute])
    assert book.store(MINUTE * 60) == 1
    (row,) = rows(acme)
    assert (row.minute, row.surface, row.requests, row.errors) == (AT, "events", 3, 1)
    assert (row.bytes, row.events_accepted, row.events_rejected) == (10, 2, {"x": 1})
    assert (row.predictions, row.variations) == (3, {"a": 3})
    assert (row.latency, row.refusals) == (latency, [refusal])


def test_later_counts_of_a_minute_are_added_to_its_row(acme: NewClient) -> None:
    book = TrafficBook()
    for requests in (3, 4):
        book.add([make_minute(requests=requests, rejected={"x": 1})])
        book.store(MINUTE * 60)
    (row,) = rows(acme)
    assert (row.requests, row.events_rejected) == (7, {"x": 2})


def test_storing_again_changes_nothing(acme: NewClient, monkeypatch: pytest.MonkeyPatch) -> None:
    book = TrafficBook()
    book.add([make_minute()])
    write = book._write

    def write_and_lose_the_answer(keys: Any) -> int:
        write(keys)
        raise OperationalError("the connection broke after the commit")

    monkeypatch.setattr(book, "_write", write_and_lose_the_answer)
    with pytest.raises(OperationalError):
        book.store(MINUTE * 60)
    monkeypatch.setattr(book, "_write", write)
    book.store(MINUTE * 60)
    assert [row.requests for row in rows(acme)] == [1]


def test_two_processes_write_rows_of_their_own(acme: NewClient) -> None:
    for writer in (1, 2):
        book = TrafficBook(writer)
        book.add([make_minute()])
        book.store(MINUTE * 60)
    assert [(row.writer, row.requests) for row in rows(acme)] == [(1, 1), (2, 1)]


def test_traffic_of_one_client_is_invisible_to_another(acme: NewClient, globex: NewClient) -> None:
    book = TrafficBook()
    book.add([make_minute("acme", requests=1), make_minute("globex", requests=2)])
    book.store(MINUTE * 60)
    assert [row.requests for row in rows(acme)] == [1]
    assert [row.requests for row in rows(globex)] == [2]


def test_client_that_is_gone_is_passed_over(acme: NewClient) -> None:
    book = TrafficBook()
    book.add([make_minute("nobody"), make_minute()])
    assert book.store(MINUTE * 60) == 1


def test_many_minutes_take_several_statements(acme: NewClient) -> None:
    book = TrafficBook()
    book.add(make_minute(minute=MINUTE + offset) for offset in range(450))
    assert book.store((MINUTE + 450) * 60) == 450
    assert len(rows(acme)) == 450


def test_closed_minutes_are_forgotten_and_open_ones_kept(acme: NewClient) -> None:
    book = TrafficBook()
    book.add([make_minute(), make_minute(minute=MINUTE + 5)])
    book.store((MINUTE + 5) * 60)
    assert [key[2] for key in book._sums] == [MINUTE + 5]


def test_what_waits_for_the_database_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "_WAITING_ROWS", 10)
    book = TrafficBook()
    book.add(make_minute(minute=MINUTE + offset) for offset in range(25))
    assert sorted(int(key[2]) - MINUTE for key in book._sums) == list(range(15, 25))


def test_old_minutes_are_pruned(acme: NewClient) -> None:
    book = TrafficBook()
    now = clock.unix_seconds() // 60
    book.add([make_minute(minute=now), make_minute(minute=now - 3 * 24 * 60)])
    book.store(now * 60)
    assert prune_traffic(keep_days=2) == 1
    assert len(rows(acme)) == 1


@pytest.fixture
def gathered() -> Traffic:
    gathered = Traffic()
    gathered.count_request("acme", "events", 200, 0.001)
    return gathered


@pytest.fixture
def part(gathered: Traffic) -> TrafficPart:
    return TrafficPart(gathered, keep_days=30, flush_seconds=0.01)


def test_database_that_is_away_loses_no_count(
    acme: NewClient, gathered: Traffic, part: TrafficPart, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(TrafficMinute.objects, "bulk_create", away)
        patch.setattr(connection, "close", lambda: None)
        part.flush()
        assert part.problem() == "OperationalError: gone"
    gathered.count_request("acme", "events", 500, 0.001)
    part.flush()
    assert part.problem() is None
    assert sum(row.requests for row in rows(acme)) == 2


def test_clearing_deletes_expired_tokens(acme: NewClient, part: TrafficPart) -> None:
    issue_token(key=acme.key.key)
    tokens = acme.key.key.accesstoken_set
    tokens.update(expires=clock.now() - timedelta(seconds=1))
    part.clear()
    assert not tokens.exists()


@pytest.mark.django_db(transaction=True)
async def test_stopping_stores_what_is_left(gathered: Traffic) -> None:
    new = await sync_to_async(make_client)("acme")
    part = TrafficPart(gathered, keep_days=30, flush_seconds=60)
    await part.start()
    await part.stop()
    assert [row.requests for row in await sync_to_async(rows)(new)] == [1]
    await sync_to_async(connections.close_all)()
