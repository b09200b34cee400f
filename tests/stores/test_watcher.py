"""The watcher: what it hands on, how far it looks back, how it bears a database that is gone."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from stores.changes import ChangeWatcher, current_watcher
from stores.changes.hub import Hub
from stores.changes.models import Change
from stores.changes.watcher import Pace

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Bench:
    """A watcher with a clock that stands still until it is moved, and a note of what was handed on."""

    def __init__(self) -> None:
        self.now = NOON
        self.heard: list[frozenset[str] | None] = []
        self.hub = Hub()
        self.hub.subscribe("config", self.heard.append)
        self.watcher = ChangeWatcher(Pace(), hub=self.hub, now=lambda: self.now)

    def write(self, key: str, seconds_ago: float = 0, topic: str = "config") -> None:
        Change.objects.create(topic=topic, key=key, at=self.now - timedelta(seconds=seconds_ago))

    def poll_after(self, seconds: float) -> list[frozenset[str] | None]:
        """What the next poll hands on, `seconds` later."""
        self.now += timedelta(seconds=seconds)
        self.heard.clear()
        self.watcher.poll()
        return list(self.heard)


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.watcher.poll()
    return made


def broken(execute: Callable[..., Any], *args: Any) -> Any:
    raise OperationalError("server closed the connection")


def test_first_poll_asks_everybody_to_look_at_everything() -> None:
    bench = Bench()
    bench.write("/a")
    assert bench.poll_after(0) == [None]
    assert bench.poll_after(0.5) == []


def test_written_change_is_handed_on_once(bench: Bench) -> None:
    bench.write("/a")
    bench.write("/b")
    assert bench.poll_after(0.5) == [frozenset({"/a", "/b"})]
    assert bench.poll_after(0.5) == []


def test_change_of_another_topic_is_not_handed_on(bench: Bench) -> None:
    bench.write("acme", topic="credentials")
    assert bench.poll_after(0.5) == []


def test_change_that_commits_nine_seconds_late_is_found(bench: Bench) -> None:
    bench.poll_after(9)
    bench.write("/late", seconds_ago=9)
    assert bench.poll_after(0.5) == [frozenset({"/late"})]


def test_everything_is_looked_at_again_each_minute(bench: Bench) -> None:
    assert bench.poll_after(59.9) == []
    assert bench.poll_after(0.1) == [None]
    assert bench.poll_after(0.5) == []


def test_clock_set_back_an_hour_loses_no_change(bench: Bench) -> None:
    assert bench.poll_after(-3600) == [None]
    bench.write("/a")
    assert bench.poll_after(0.5) == [frozenset({"/a"})]


def test_gone_database_is_told_and_survived(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with connection.execute_wrapper(broken):
        assert [bench.poll_after(0.5), bench.poll_after(0.5)] == [[], []]
    assert not bench.watcher.healthy
    assert bench.watcher.last_error == "OperationalError: server closed the connection"
    assert bench.watcher.last_poll_at == NOON
    assert caplog.text.count("going on with what is known") == 1


def test_back_after_an_outage_everything_is_looked_at_again(bench: Bench) -> None:
    with connection.execute_wrapper(broken):
        bench.poll_after(0.5)
    assert bench.poll_after(0.5) == [None]
    assert (bench.watcher.healthy, bench.watcher.last_error) == (True, "")
    assert bench.watcher.last_poll_at == bench.now


def test_failing_handler_is_refreshed_at_the_next_poll(bench: Bench) -> None:
    calls: list[object] = []

    def fail_once(keys: frozenset[str] | None) -> None:
        calls.append(keys)
        if len(calls) == 1:
            raise RuntimeError("locked")

    bench.hub.subscribe("config", fail_once)
    bench.write("/a")
    bench.poll_after(0.5)
    assert (bench.watcher.healthy, bench.watcher.last_error) == (False, "RuntimeError: locked")
    bench.poll_after(0.5)
    assert calls == [frozenset({"/a"}), None]
    assert bench.watcher.healthy


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has one write lock for everybody")
@pytest.mark.timeout(10)
def test_held_write_lock_delays_no_poll(bench: Bench) -> None:
    bench.write("/a")
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert bench.poll_after(0.5) == [frozenset({"/a"})]
        assert bench.poll_after(60) == [None]
    assert bench.watcher.healthy


def test_started_watcher_polls_in_its_thread_and_stops() -> None:
    polled = threading.Event()
    hub = Hub()
    hub.subscribe("config", lambda keys: polled.set())
    watcher = ChangeWatcher(Pace(poll_seconds=0.01), hub=hub)
    watcher.start()
    assert polled.wait(10)
    assert current_watcher() is watcher
    watcher.stop()
    assert current_watcher() is None
    assert "change-watcher" not in [thread.name for thread in threading.enumerate()]


def test_thread_outlives_a_fault_that_is_not_the_databases(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[datetime] = []
    recovered = threading.Event()

    def failing_clock() -> datetime:
        calls.append(NOON)
        if len(calls) == 1:
            raise RuntimeError("no time")
        if len(calls) > 2:
            recovered.set()
        return NOON

    watcher = ChangeWatcher(Pace(poll_seconds=0.01), hub=Hub(), now=failing_clock)
    watcher.start()
    assert recovered.wait(10)
    watcher.stop()
    assert watcher.healthy
    assert "RuntimeError: no time" in caplog.text
