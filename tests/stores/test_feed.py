"""Publishing: inside the transaction, heard after it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction

from common import clock
from stores.changes import publish, subscribe
from stores.changes.models import Change

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heard() -> Iterator[list[frozenset[str] | None]]:
    keys: list[frozenset[str] | None] = []
    end = subscribe("credentials", keys.append)
    yield keys
    end()


def test_change_is_heard_here_once_the_transaction_commits(heard: list[object]) -> None:
    with transaction.atomic():
        publish("credentials", "acme")
        assert heard == []
    assert heard == [{"acme"}]
    assert list(Change.objects.values_list("topic", "key")) == [("credentials", "acme")]


def test_nobody_hears_of_what_was_rolled_back(heard: list[object]) -> None:
    with transaction.atomic():
        publish("credentials", "acme")
        transaction.set_rollback(True)
    assert heard == []
    assert not Change.objects.exists()


def test_rows_older_than_an_hour_are_removed_now_and_then() -> None:
    for minutes in (61, 59):
        at = clock.now() - timedelta(minutes=minutes)
        Change.objects.create(topic="config", key=f"{minutes} minutes old", at=at)
    for _ in range(256):
        publish("credentials", "acme")
    assert list(Change.objects.filter(topic="config").values_list("key", flat=True)) == ["59 minutes old"]


def test_failing_subscriber_does_not_fail_the_writer() -> None:
    def fail(keys: frozenset[str] | None) -> None:
        raise RuntimeError("gone")

    end = subscribe("credentials", fail)
    publish("credentials", "globex")
    end()
    assert Change.objects.count() == 1
