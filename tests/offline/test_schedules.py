"""When schedules are due, which documents are refused, and that what is due is started exactly once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from clients.services import disable_client
from offline.jobs import JOBS
from offline.models import JobRun, ScheduleCursor, all_runs
from offline.schedules import starting
from offline.schedules.documents import parse_schedules
from offline.schedules.records import Schedule
from offline.schedules.scheduler import Scheduler
from stores.config.errors import ConfigInvalidError
from stores.config.memory import MemoryConfigStore
from tests.factories import TESTER

PATH = "/all_clients/acme/schedules"
NIGHTLY = {"job": "add", "cron": "30 1 * * *"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def dues(cron: str, zone: str, after: str, count: int = 3) -> list[str]:
    found = Schedule("acme", "x", "add", cron, zone).due_after(at(after))
    return [f"{next(found):%m-%d %H:%M}" for _ in range(count)]


# -- pure ------------------------------------------------------------------------------------------


def test_cron_line_is_read_in_its_time_zone() -> None:
    assert dues("30 1 * * *", "Asia/Kolkata", "2026-03-01T00:00", 2) == ["03-01 20:00", "03-02 20:00"]


def test_time_that_is_left_out_is_due_right_after_the_gap() -> None:
    # London goes from 01:00 to 02:00 on 29 March 2026.
    assert dues("30 1 * * *", "Europe/London", "2026-03-28T00:00") == [
        "03-28 01:30",
        "03-29 01:00",
        "03-30 00:30",
    ]


def test_time_that_comes_twice_is_due_once() -> None:
    # London goes from 02:00 back to 01:00 on 25 October 2026, so that 01:30 is 00:30 and 01:30 UTC.
    assert dues("30 1 * * *", "Europe/London", "2026-10-24T00:00") == [
        "10-24 00:30",
        "10-25 00:30",
        "10-26 01:30",
    ]


def test_every_hour_is_every_hour_also_when_clocks_change() -> None:
    expected = ["10-24 23:00", "10-25 00:00", "10-25 01:00", "10-25 02:00"]
    assert dues("0 * * * *", "Europe/London", "2026-10-24T22:30", 4) == expected


def test_run_is_of_the_day_that_is_over() -> None:
    schedule = Schedule("acme", "x", "add", "30 1 * * *")
    assert list(schedule.missed(at("1970-01-10T00:00"), at("1970-01-10T02:00"))) == [8]


def test_missed_days_are_caught_up_once_each_and_not_for_ever() -> None:
    schedule = Schedule("acme", "x", "add", "*/30 * * * *", day_offset=0, catch_up_days=2)
    missed = schedule.missed(at("1970-01-02T00:00"), at("1970-01-10T12:00"))
    assert missed == {7: at("1970-01-08T23:30"), 8: at("1970-01-09T23:30"), 9: at("1970-01-10T12:00")}


def test_restart_misses_nothing_even_without_catching_up() -> None:
    schedule = Schedule("acme", "x", "add", "30 1 * * *", catch_up_days=0)
    assert schedule.missed(at("1970-01-09T00:00"), at("1970-01-10T02:00")) == {8: at("1970-01-10T01:30")}
    assert schedule.missed(at("1970-01-09T00:00"), at("1970-01-10T03:00")) == {}


# -- documents -------------------------------------------------------------------------------------


def test_schedule_has_defaults() -> None:
    (found,) = parse_schedules(PATH, [NIGHTLY])
    assert found == Schedule("acme", "add", "add", "30 1 * * *", "UTC", {}, -1, 7, True)
    assert "01:30" in found.words


@pytest.mark.parametrize(
    ("change", "pointer", "reason"),
    [
        ({"job": "ad"}, "/1/job", "no job 'ad'"),
        ({"job": "common"}, "/1/job", "/config/schedules"),
        ({"cron": "30 1 * *"}, "/1/cron", "five fields"),
        ({"cron": "61 1 * * *"}, "/1/cron", "bad minute"),
        ({"cron": "0 0 30 2 *"}, "/1/cron", "bad day-of-month"),
        ({"time_zone": "Europe/Londn"}, "/1/time_zone", "no time zone"),
        ({"time_zone": "../etc/passwd"}, "/1/time_zone", "no time zone"),
        ({"parameters": {"wrong": 1}}, "/1/parameters/wrong", "this is wrong"),
        ({"parameters": []}, "/1/parameters", "object"),
        ({"catch_up_days": -1}, "/1/catch_up_days", "whole number from 0"),
        ({"day_offset": 1}, "/1/day_offset", "whole number from -99999 to 0"),
        ({"enabled": "yes"}, "/1/enabled", "true or false"),
        ({"crno": "x"}, "/1/crno", "there may be name, job, cron"),
        ({"name": "a b"}, "/1/name", "1 to 64"),
        ({"name": "add"}, "/1/name", "another schedule's name"),
    ],
)
def test_mistake_in_a_document_is_told_with_its_place(change: Any, pointer: str, reason: str) -> None:
    with pytest.raises(ConfigInvalidError, match=reason) as caught:
        parse_schedules(PATH, [NIGHTLY, {**NIGHTLY, "name": "second", **change}])
    assert caught.value.data["place"] == pointer


def test_job_of_a_client_is_refused_for_the_installation() -> None:
    with pytest.raises(ConfigInvalidError, match="/all_clients/<client>/schedules"):
        parse_schedules("/config/schedules", [NIGHTLY])


# -- starting --------------------------------------------------------------------------------------


@pytest.fixture
def store(acme: Any) -> Iterator[MemoryConfigStore]:
    store = MemoryConfigStore()
    store.start()
    store.set("/config/schedules", [], author="tester")
    store.set(PATH, [NIGHTLY], author="tester")
    yield store
    store.stop()


def days() -> list[int]:
    return sorted(all_runs().values_list("day", flat=True))


def finish_all() -> None:
    all_runs().update(state="succeeded")


def test_schedule_starts_nothing_before_it_was_seen(store: MemoryConfigStore) -> None:
    scheduler = Scheduler(store)
    assert scheduler.tick(at("1970-01-10T12:00")) == 0
    assert days() == []
    assert scheduler.tick(at("1970-01-11T01:30")) == 1
    assert days() == [9]
    assert scheduler.tick(at("1970-01-11T01:31")) == 0


def test_started_run_says_who_asked_for_it(store: MemoryConfigStore) -> None:
    scheduler = Scheduler(store)
    scheduler.tick(at("1970-01-10T12:00"))
    scheduler.tick(at("1970-01-11T01:30"))
    run = all_runs().get()
    assert (run.requested_by, run.whose, run.job) == ("schedule:add", "acme", "add")
    cursor = ScheduleCursor.objects.for_all_clients().get()
    assert cursor.outcome == f"1970-01-10: run {run.pk}"


def test_days_missed_while_nothing_ran_are_caught_up(store: MemoryConfigStore) -> None:
    Scheduler(store).tick(at("1970-01-10T12:00"))
    Scheduler(store).tick(at("1970-01-14T12:00"))
    assert days() == [9, 10, 11, 12]


def test_run_that_is_still_under_way_is_not_started_twice(store: MemoryConfigStore) -> None:
    store.set(PATH, [{**NIGHTLY, "cron": "* * * * *", "day_offset": 0}], author="tester")
    scheduler = Scheduler(store)
    for minute in range(3):
        scheduler.tick(at(f"1970-01-10T12:0{minute}"))
    assert days() == [9]
    finish_all()
    scheduler.tick(at("1970-01-10T12:03"))
    assert days() == [9, 9]


def test_disabled_schedule_and_disabled_client_start_nothing(store: MemoryConfigStore, acme: Any) -> None:
    scheduler = Scheduler(store)
    scheduler.tick(at("1970-01-10T12:00"))
    store.set(PATH, [{**NIGHTLY, "enabled": False}], author="tester")
    scheduler.tick(at("1970-01-11T12:00"))
    store.set(PATH, [NIGHTLY], author="tester")
    scheduler.tick(at("1970-01-11T13:00"))
    disable_client(client=acme.client, by=TESTER)
    Scheduler(store).tick(at("1970-01-12T12:00"))
    assert days() == []


def test_changed_document_is_followed_at_once(store: MemoryConfigStore) -> None:
    scheduler = Scheduler(store)
    scheduler.tick(at("1970-01-10T12:00"))
    store.set(PATH, [{**NIGHTLY, "cron": "0 13 * * *", "day_offset": 0}], author="tester")
    assert scheduler.tick(at("1970-01-10T13:00")) == 1
    assert days() == [9]


def test_schedule_whose_job_is_gone_keeps_no_other_from_starting(
    store: MemoryConfigStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.set("/config/schedules", [{"job": "common", "cron": "0 2 * * *"}], author="tester")
    monkeypatch.delitem(JOBS, "add")
    scheduler = Scheduler(store)
    scheduler.tick(at("1970-01-10T12:00"))
    scheduler.tick(at("1970-01-11T12:00"))
    assert [run.job for run in all_runs()] == ["common"]


def test_clock_that_runs_behind_starts_nothing_twice(store: MemoryConfigStore) -> None:
    ahead, behind = Scheduler(store), Scheduler(store)
    for scheduler in (ahead, behind):
        scheduler.tick(at("1970-01-10T12:00"))
    ahead.tick(at("1970-01-11T01:30"))
    finish_all()
    behind.tick(at("1970-01-11T01:29"))
    behind.tick(at("1970-01-11T01:30"))
    ahead.tick(at("1970-01-11T01:31"))
    assert days() == [9]


def test_default_schedule_sweeps_as_long_as_no_document_says_otherwise(acme: Any) -> None:
    store = MemoryConfigStore()
    store.start()
    scheduler = Scheduler(store)
    scheduler.tick(at("1970-01-10T12:00"))
    scheduler.tick(at("1970-01-11T12:00"))
    assert [run.job for run in all_runs()] == ["sweep_runs"]


@pytest.mark.django_db(transaction=True)
def test_of_many_schedulers_exactly_one_starts_each_day(store: MemoryConfigStore) -> None:
    schedulers = [Scheduler(store) for _ in range(8)]
    for scheduler in schedulers:
        scheduler.tick(at("1970-01-10T12:00"))
    barrier = threading.Barrier(len(schedulers))

    def tick(scheduler: Scheduler) -> None:
        try:
            for day in range(3):
                barrier.wait(20)
                scheduler.tick(at("1970-01-11T01:30") + timedelta(days=day))
                barrier.wait(20)
                finish_all()
        finally:
            connection.close()

    threads = [threading.Thread(target=tick, args=(scheduler,)) for scheduler in schedulers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert days() == [9, 10, 11]


def test_run_and_cursor_move_together(store: MemoryConfigStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> JobRun:
        raise RuntimeError("the process is killed here")

    scheduler = Scheduler(store)
    scheduler.tick(at("1970-01-10T12:00"))
    monkeypatch.setattr(starting, "queue_run", fail)
    with pytest.raises(RuntimeError):
        scheduler.tick(at("1970-01-11T01:30"))
    monkeypatch.undo()
    for name in ("add", "common"):
        monkeypatch.setitem(JOBS, name, f"tests.offline.jobs:{name.upper()}")
    Scheduler(store).tick(at("1970-01-11T01:31"))
    assert days() == [9]
