"""Three days of two tenants on a whole installation, whose parts are all killed, and the nightly splits.

The days are simulated: every process of the installation has a clock that the test moves on (simulated.py),
and runs over each midnight by itself. Browsers and tenants' servers, being elsewhere, have the real time.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser

from deploy.waiting import wait_until
from pipelines.days import day_number
from tests.browser import launch, needs_chromium
from tests.journeys.machines import Installation, new_place
from tests.journeys.simulated import SimulatedClock, needs_compiler, simulated_clock
from tests.journeys.tenants import Event, Tenant, tenant_of
from tests.offline.splitting.machine import Machine

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600), needs_chromium, needs_compiler]

DAYS: Final = 3
SPLIT_SECONDS: Final = 90
QUICK: Final = {"EVENTS_FLUSH_MIN_SECONDS": "0.2", "EVENTS_FLUSH_MAX_SECONDS": "1"}
# Of each day, the part that is killed about noon.
KILLED_AT_NOON: Final = ("worker-1", "worker-2", "shipper")


@dataclass
class Journey:
    """An installation, what it stands on, and who uses it."""

    installation: Installation
    clock: SimulatedClock
    tenants: list[Tenant]
    store: Path
    # Of each day, what of the surroundings dies at noon and comes back; nothing when there are none.
    accidents: list[Callable[[], None]] = field(default_factory=list)

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
        if self.accidents:
            self.accidents[day]()
        self._walk(25)
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


def test_embedded(tmp_path: Path, simulated: SimulatedClock, browser: Browser) -> None:
    with new_place(tmp_path, "", **simulated.variables) as place:
        assert place.cli("migrate").returncode == 0
        installation = Installation(place, QUICK)
        schedule_splits(installation)
        try:
            installation.start()
            with (
                tenant_of(installation, simulated, browser, "acme", 1) as acme,
                tenant_of(installation, simulated, browser, "globex", 2) as globex,
            ):
                journey = Journey(installation, simulated, [acme, globex], place.data)
                journey.live()
                check(journey)
        finally:
            installation.forget()
