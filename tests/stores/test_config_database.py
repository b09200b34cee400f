"""The database backend: what happens while the database is away, and what ten thousand documents cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from common import clock
from common.errors import InvalidInputError
from stores.changes import ChangeWatcher
from stores.changes.hub import hub
from stores.changes.models import Change
from stores.changes.watcher import Pace
from stores.config import get_store, use_store
from stores.config.database import DatabaseConfigStore
from stores.config.errors import ConfigUnavailableError
from stores.config.memory import MemoryConfigStore
from stores.config.models import ConfigDocument

PATH = "/all_clients/acme/notes"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def store() -> Iterator[DatabaseConfigStore]:
    backend = DatabaseConfigStore()
    backend.start()
    yield backend
    backend.stop()


def broken(execute: Callable[..., Any], *args: Any) -> Any:
    raise OperationalError("the server went away")


class TestFollowing:
    def test_change_made_elsewhere_is_known_after_the_next_poll(self, store: DatabaseConfigStore) -> None:
        watcher = ChangeWatcher(Pace())
        watcher.poll()
        write_elsewhere(PATH, '{"n": 1}')
        assert store.get(PATH) is None
        watcher.poll()
        document = store.get(PATH)
        assert document is not None
        assert document.value == {"n": 1}

    def test_deletion_made_elsewhere_is_known_after_a_refresh(self, store: DatabaseConfigStore) -> None:
        store.set(PATH, {}, author="ada")
        ConfigDocument.objects.update(text=None, version=2)
        store.refresh()
        assert store.get(PATH) is None

    def test_reading_from_the_snapshot_asks_no_database(self, store: DatabaseConfigStore) -> None:
        store.set(PATH, {}, author="ada")
        with CaptureQueriesContext(connection) as queries:
            assert store.get(PATH)
            assert store.list()
        assert len(queries) == 0


class TestDatabaseAway:
    def test_snapshot_goes_on_and_says_that_it_is_stale(self, store: DatabaseConfigStore) -> None:
        store.set(PATH, {"n": 1}, author="ada")
        with connection.execute_wrapper(broken):
            with pytest.raises(ConfigUnavailableError):
                store.refresh()
            assert store.state == "stale"
            document = store.get(PATH)
        assert document is not None
        assert document.value == {"n": 1}

    def test_only_a_whole_refresh_ends_staleness(self, store: DatabaseConfigStore) -> None:
        with connection.execute_wrapper(broken), pytest.raises(ConfigUnavailableError):
            store.refresh([PATH])
        states = []
        for paths in ([PATH], None):
            store.refresh(paths)
            states.append(store.state)
        assert states == ["stale", "connected"]

    def test_store_is_stale_while_the_feed_cannot_be_read(self, store: DatabaseConfigStore) -> None:
        watcher = ChangeWatcher(Pace(poll_seconds=0.01), now=_no_time)
        watcher.start()
        try:
            wait_until(lambda: store.state == "stale")
        finally:
            watcher.stop()
        assert store.state == "connected"

    @pytest.mark.parametrize("verb", ["set", "delete", "rollback", "read", "history"])
    def test_what_needs_the_database_is_a_clear_503(self, store: DatabaseConfigStore, verb: str) -> None:
        store.set(PATH, {}, author="ada")
        calls: dict[str, Callable[[], object]] = {
            "set": lambda: store.set(PATH, {}, author="ada"),
            "delete": lambda: store.delete(PATH, author="ada"),
            "rollback": lambda: store.rollback(PATH, 1, author="ada"),
            "read": lambda: store.read(PATH),
            "history": lambda: store.history(PATH),
        }
        with connection.execute_wrapper(broken), pytest.raises(ConfigUnavailableError) as caught:
            calls[verb]()
        assert caught.value.status == 503
        assert "the server went away" in caught.value.message


class TestTenThousandDocuments:
    def test_start_parses_none_and_a_refresh_reads_no_text(self) -> None:
        make_documents(10_000)
        store = DatabaseConfigStore()
        started = time.process_time()
        store.start()
        start_seconds = time.process_time() - started
        with CaptureQueriesContext(connection) as queries:
            store.refresh()
        store.stop()
        assert len(store.list("/all_clients")) == 10_000
        assert start_seconds < 5
        assert len(queries) == 1
        assert '"text"' not in queries[0]["sql"].split("FROM")[0]


class TestChoosing:
    def test_setting_names_the_backend(self, settings: Any) -> None:
        settings.CONFIG_STORE = "memory"
        with use_store(None):
            assert isinstance(get_store(), MemoryConfigStore)
            assert get_store() is get_store()

    def test_unknown_backend_is_refused_with_the_known_ones(self, settings: Any) -> None:
        settings.CONFIG_STORE = "floppy"
        with use_store(None), pytest.raises(InvalidInputError, match="known: database, memory"):
            get_store()

    def test_store_that_cannot_start_leaves_no_subscription(self, settings: Any) -> None:
        settings.CONFIG_STORE = "database"
        with use_store(None), connection.execute_wrapper(broken):
            with pytest.raises(ConfigUnavailableError):
                get_store()
            assert hub.deliver("config", [PATH]) == ""

    def test_first_use_on_an_event_loop_is_refused_and_not_a_stall(self, settings: Any) -> None:
        settings.CONFIG_STORE = "database"

        async def first_use() -> None:
            get_store()

        with use_store(None), pytest.raises(ConfigUnavailableError, match="not started"):
            asyncio.run(first_use())


def write_elsewhere(path: str, text: str) -> None:
    """What another process's write leaves in the database; this process hears of it at its next poll."""
    ConfigDocument.objects.create(path=path, text=text, version=1, author="ada", updated_at=clock.now())
    Change.objects.create(topic="config", key=path, at=clock.now())


def make_documents(count: int) -> None:
    text = '{"algorithms": [{"name": "externalPredictionServer", "config": []}]}'
    paths = [f"/all_clients/c{number}/predict_algs" for number in range(count)]
    common = {"text": text, "version": 1, "author": "ada", "updated_at": clock.now()}
    ConfigDocument.objects.bulk_create([ConfigDocument(path=path, **common) for path in paths])


def wait_until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _no_time() -> Any:
    raise OperationalError("the server went away")
