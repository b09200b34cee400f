"""Three days of two tenants on a whole installation, whose parts are all killed, and the nightly splits.

The days are simulated: every process of the installation, and PostgreSQL, Redis and ZooKeeper too, has a
clock that the test moves on (simulated.py); it runs over each midnight by itself. Browsers and the tenants'
servers, being elsewhere, have the real time.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any, Final, Protocol

import pytest
from playwright.sync_api import Browser

from deploy.waiting import wait_until
from pipelines.days import day_number
from tests import servers_spark
from tests.browser import launch, needs_chromium
from tests.journeys.infrastructure import postgresql_and_zookeeper
from tests.journeys.machines import ROOT, Installation, new_place
from tests.journeys.receiving import FilingReceiver
from tests.journeys.simulated import SimulatedClock, needs_compiler, simulated_clock
from tests.journeys.tenants import Event, Tenant, tenant_of
from tests.offline.splitting.machine import Machine
from tests.servers_redis import redis

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1200), needs_chromium, needs_compiler]

DAYS: Final = 3
# Spark takes its time to start, four times.
SPLIT_SECONDS: Final = 240
QUICK: Final = {"EVENTS_FLUSH_MIN_SECONDS": "0.2", "EVENTS_FLUSH_MAX_SECONDS": "1"}
# Of each day, the part that is killed about noon.
KILLED_AT_NOON: Final = ("worker-1", "worker-2", "shipper")


class Server(Protocol):
    """What can die and be started again."""

    def kill(self) -> None: ...
    def start(self) -> Any: ...


@dataclass
class Journey:
    """An installation, what it stands on, and who uses it."""

    installation: Installation
    clock: SimulatedClock
    tenants: list[Tenant]
    store: Path
    # Of each day, which servers of others are away for a while at noon.
    accidents: Sequence[Sequence[Server]]

    def live(self) -> None:
        """Three days with their nights, and the night after."""
        for day in range(DAYS):
            self._noon(day)
            self._midnight(day)
            self._night(day)
        for tenant in self.tenants:
            tenant.go_home()
        # What is still in the spool goes out, and is found by the next night's split.
        self.installation.stop()
        self.clock.set(DAYS + 1, time(0, 9, 58))
        self.installation.start()
        self._wait_for_split(DAYS)
        self.installation.stop()

    def found(self, tenant: Tenant) -> dict[Event, list[int]]:
        """In which days' folders of the tenant each event lies."""
        machine, found = Machine(self.store), defaultdict(list)
        for day in range(DAYS + 1):
            for line in machine.lines(tenant.name, self._number(day)):
                event = json.loads(line)
                assert event["client"] == tenant.name
                found[event["walk"], event["n"]].append(day)
        return dict(found)

    def splits(self) -> list[tuple[str, str]]:
        """Day and state of all runs there were, oldest first."""
        rows = self.installation.place.cli_json("run", "list")
        assert {row["job"] for row in rows} <= {"split_events"}
        return sorted((row["date"], row["state"]) for row in rows)

    def days(self) -> list[str]:
        """The days as they are written, the last of which is not whole."""
        return [f"{self.clock.date(day)}" for day in range(DAYS + 1)]

    def folders(self) -> dict[str, set[int]]:
        """The days that each name below seldon-models has."""
        models = self.store / "seldon-models"
        names = [path.name for path in models.iterdir() if path.name != "_manifests"]
        return {
            name: {int(path.name) - self._number(0) for path in (models / name / "events").iterdir()}
            for name in names
        }

    def _noon(self, day: int) -> None:
        if day:
            self.clock.set(day, time(9))
        self._walk(25)
        self.installation.start().kill_part(KILLED_AT_NOON[day])
        servers = self.accidents[day] if self.accidents else ()
        for server in servers:
            server.kill()
        self._walk(25)
        for server in servers:
            server.start()
        self._settle()
        assert self.clock.day() == day

    def _midnight(self, day: int) -> None:
        """It passes while everybody sends and something dies."""
        self.clock.set(day, time(23, 59, 58))
        self._walk(10)
        if day == 0:
            self.installation.start().kill_part("shipper")
        if day == DAYS - 1:
            self._stay(1)
            self.installation.kill()
        while self.clock.day() == day:
            self._stay(5)
        self._stay(10)

    def _night(self, day: int) -> None:
        """The split is due at 00:10 and ends well, whoever is killed just then."""
        self.clock.set(day + 1, time(0, 9, 58))
        if day == DAYS - 1:
            # Off all this while: the split is made up for.
            self.clock.set(day + 1, time(0, 30))
        machine = self.installation.start()
        if day == 1:
            assert wait_until(lambda: self.clock.now().time() >= time(0, 10), 10)
            machine.kill_part("jobs")
        self._settle()
        self._wait_for_split(day)

    def _walk(self, events: int) -> None:
        for tenant in self.tenants:
            tenant.walk(events)

    def _stay(self, events: int) -> None:
        """Where they are: what was served by a clock of the past is too old for a browser's cache."""
        for tenant in self.tenants:
            tenant.stay(events)

    def _settle(self) -> None:
        for tenant in self.tenants:
            tenant.settle()

    def _wait_for_split(self, day: int) -> None:
        wanted = (f"{self.clock.date(day)}", "succeeded")
        self.installation.start().until(lambda: wanted in self.splits(), SPLIT_SECONDS)

    def _number(self, day: int) -> int:
        return day_number(f"{self.clock.date(day):%Y%m%d}")


def check(journey: Journey, *, may_repeat: bool = False) -> None:
    """Each tenant's day folders hold exactly its own events of the day, and each day was split once."""
    assert journey.splits() == [(day, "succeeded") for day in journey.days()]
    assert journey.folders() == {tenant.name: set(range(DAYS + 1)) for tenant in journey.tenants}
    for tenant in journey.tenants:
        told, found = tenant.events(), journey.found(tenant)
        assert tenant.complaints() == []
        assert len(told) > 500
        assert found.keys() == told.keys()
        assert may_repeat or [event for event, days in found.items() if len(days) > 1] == []
        elsewhere = {
            event: days
            for event, days in found.items()
            if not all(told[event][0] <= day <= told[event][1] for day in days)
        }
        assert elsewhere == {}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launch() as found:
        yield found


@pytest.fixture
def simulated() -> Iterator[SimulatedClock]:
    # All of it lies in the past: no file seems to have lain there for long.
    with simulated_clock(days_back=DAYS + 3) as clock:
        yield clock


def schedule_splits(installation: Installation, **parameters: Any) -> None:
    """A split of the day that is over, each night at 00:10."""
    nightly = [{"job": "split_events", "cron": "10 0 * * *", "parameters": parameters}]
    done = installation.place.cli("config", "set", "/config/schedules", json.dumps(nightly))
    assert done.returncode == 0, done.stderr


def live_through(
    installation: Installation,
    clock: SimulatedClock,
    browser: Browser,
    store: Path,
    *accidents: Sequence[Server],
) -> Journey:
    """All days of acme and globex on `installation`, which is stopped then."""
    try:
        installation.start()
        with (
            tenant_of(installation, clock, browser, "acme", 1) as acme,
            tenant_of(installation, clock, browser, "globex", 2) as globex,
        ):
            journey = Journey(installation, clock, [acme, globex], store, accidents)
            journey.live()
            return journey
    finally:
        installation.forget()


@pytest.fixture
def embedded(tmp_path: Path, simulated: SimulatedClock) -> Iterator[Installation]:
    with new_place(tmp_path, "") as place:
        assert place.cli("migrate").returncode == 0
        yield Installation(place, QUICK)


def test_embedded(embedded: Installation, simulated: SimulatedClock, browser: Browser) -> None:
    schedule_splits(embedded)
    check(live_through(embedded, simulated, browser, embedded.place.data))


def test_split_by_spark(embedded: Installation, simulated: SimulatedClock, browser: Browser) -> None:
    home = servers_spark.spark_home("spark4")
    if home is None:
        pytest.skip("spark4 is not installed: scripts/bootstrap journeys")
    # As if pip had put it beside our own packages.
    embedded.variables = {**embedded.variables, "PYTHONPATH": f"{ROOT}:{home.parent}"}
    schedule_splits(embedded, engine="spark", processes=2)
    check(live_through(embedded, simulated, browser, embedded.place.data))


def test_on_what_a_company_has(tmp_path: Path, simulated: SimulatedClock, browser: Browser) -> None:
    """PostgreSQL, Redis (Celery's broker, too), ZooKeeper, a receiver like Fluentd: each is killed once."""
    store = tmp_path / "store"
    (tmp_path / "redis").mkdir()
    with redis(tmp_path / "redis") as shared, FilingReceiver(store) as receiver:
        variables = {
            "REDIS_URL": shared.url,
            "CELERY_BROKER_URL": shared.url,
            "EVENTS_SINK": receiver.url,
            "SELDON_STORE": str(store),
        }
        with postgresql_and_zookeeper(tmp_path, **variables) as site:
            installation = Installation(site.place, QUICK)
            schedule_splits(installation)
            accidents = (receiver, shared), (site.postgresql,), (site.zookeeper,)
            journey = live_through(installation, simulated, browser, store, *accidents)
            # The forward protocol promises at least once.
            check(journey, may_repeat=True)
