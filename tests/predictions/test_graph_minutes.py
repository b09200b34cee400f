"""What a worker counts of its graphs, on its way to the table and back."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from clients.services import NewClient
from clients.traffic import TrafficPart
from common import clock
from common.metrics import LATENCY_BOUNDS
from common.traffic import Traffic
from predictions.graph_minutes import GraphBook
from predictions.graph_traffic import GraphTraffic, graph_traffic
from predictions.graphs.metrics import CLIENT_SECONDS, ROUTES, SERVER_SECONDS
from predictions.models import GraphMinute

pytestmark = pytest.mark.django_db

PLACE = ("acme", "iris", "main", "")
UNIT = (*PLACE, "classifier", "image", "1")


@pytest.fixture
def book() -> GraphBook:
    """A book that has heard of everything that was before it."""
    book = GraphBook()
    book.gather()
    book._sums.clear()
    book._unstored.clear()
    return book


def answer(seconds: float, code: str = "200", service: str = "predictions") -> None:
    SERVER_SECONDS.observe(seconds, (*PLACE, service, "post", code))


def call(seconds: float, code: str = "200", service: str = "/predict") -> None:
    CLIENT_SECONDS.observe(seconds, (*UNIT, service, "post", code))


def store(book: GraphBook) -> None:
    book.gather()
    book.store(clock.unix_seconds())


def lately(new: NewClient, begun: timedelta = timedelta(hours=1)) -> GraphTraffic:
    now = clock.now()
    since = now.replace(second=0, microsecond=0) - timedelta(minutes=59)
    # One minute more than there is, should the present one end meanwhile.
    return graph_traffic(client=new.client, deployment="iris", since=since, minutes=61, begun_at=now - begun)


def test_calls_of_predictors_and_units_are_told_with_their_latency(acme: NewClient, book: GraphBook) -> None:
    for _ in range(3):
        answer(0.009)
        call(0.0015)
    call(2.5, "500")
    call(0.001, "0")
    store(book)
    found = lately(acme)
    whole, unit = found.whole("main"), found.whole("main", "classifier")
    assert (whole.count, whole.failed, unit.count, unit.failed) == (3, 0, 5, 2)
    assert 0.0075 < (whole.seconds(0.5) or 0) <= 0.01
    assert 2.0 < (unit.seconds(0.99) or 0) <= 5.0


def test_feedback_counts_as_no_prediction(acme: NewClient, book: GraphBook) -> None:
    answer(0.1, service="feedback")
    call(0.1, service="/send-feedback")
    call(0.1, service="/seldon.protos.Model/SendFeedback")
    store(book)
    assert lately(acme).calls == {}


def test_what_was_stored_is_not_counted_again(acme: NewClient, book: GraphBook) -> None:
    for _ in range(2):
        answer(0.001)
        store(book)
        store(book)
    assert lately(acme).whole("main").count == 2


def test_two_processes_are_summed(acme: NewClient, book: GraphBook) -> None:
    other = GraphBook()
    other.gather()
    other._sums.clear()
    other._unstored.clear()
    answer(0.001)
    ROUTES.add((*PLACE, "router", "1"), 4)
    store(book)
    store(other)
    found = lately(acme)
    assert (found.whole("main").count, found.chosen("main", "router")) == (2, {1: 8})


def test_another_clients_graphs_are_invisible(acme: NewClient, globex: NewClient, book: GraphBook) -> None:
    answer(0.001)
    store(book)
    assert lately(globex).calls == {}


def test_former_deployment_of_the_name_is_another_one(acme: NewClient) -> None:
    minute = clock.now().replace(second=0, microsecond=0) - timedelta(minutes=5)
    add_minute(acme, minute)
    assert lately(acme).whole("main").count == 1
    assert lately(acme, begun=timedelta(minutes=2)).whole("main").count == 0


def test_minutes_stand_in_their_order(acme: NewClient) -> None:
    now = clock.now().replace(second=0, microsecond=0)
    add_minute(acme, now - timedelta(minutes=5), calls=2)
    add_minute(acme, now - timedelta(minutes=4), calls=3)
    counts = [each.count for each in lately(acme).by_minute("main")]
    assert [count for count in counts if count] == [2, 3]
    assert len(counts) == 61


def test_rows_of_a_version_with_other_buckets_are_left_out(acme: NewClient) -> None:
    minute = clock.now().replace(second=0, microsecond=0)
    row = add_minute(acme, minute)
    row.units = {"": [0, 1, 2]}
    row.save()
    assert lately(acme).whole("main").count == 0


def test_traffic_part_stores_and_prunes_them(acme: NewClient, book: GraphBook) -> None:
    answer(0.001)
    add_minute(acme, clock.now() - timedelta(days=40), writer=7)
    part = TrafficPart(Traffic(), keep_days=30, beside=[book])
    part.flush()
    part.clear()
    (row,) = GraphMinute.objects.for_client(acme.client)
    assert (row.deployment, row.predictor, sum(row.units[""][1:])) == ("iris", "main", 1)


def add_minute(new: NewClient, minute: datetime, calls: int = 1, writer: int = 1) -> GraphMinute:
    counts = [0, calls, *[0] * len(LATENCY_BOUNDS)]
    return GraphMinute.objects.create(
        client=new.client,
        deployment="iris",
        predictor="main",
        minute=minute,
        writer=writer,
        units={"": counts},
    )
