"""`kill -9` under load, of a unit, a worker, the supervisor: what callers see, how soon all is back."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from common import clock
from deploy.status import start_ticks
from deploy.waiting import answers, wait_until
from tests.deploy.manifested import container, manifest, predictor
from tests.journeys.deployed import Callers, apply, build, processes, token_of
from tests.journeys.machines import Installation, new_place

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

IMAGE = "company/doubler:0.1"
# Of a computer that is busy with other tests as well.
BACK_SECONDS = 15.0
# However long all of it takes, no caller is kept waiting for longer than this.
CALL_SECONDS = 6.0
THREADS = 6
# Of a call under way: nobody knows whether it was carried out, so it is told and not repeated.
CUT = (0, 502)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A machine with two workers."""
    folder = tmp_path_factory.mktemp("machine")
    with new_place(folder, str(settings.DATABASE_URL), SELDON_WORKERS="2") as place:
        place.migrate()
        build(place, IMAGE, 2)
        made = Installation(place)
        made.start()
        yield made
        made.forget()


@pytest.fixture(scope="module")
def token(machine: Installation) -> str:
    """A token of acme, whose deployment iris has two replicas."""
    found = token_of(machine.place, machine.url)
    apply(machine.place, manifest(predictor(containers=[container("classifier", IMAGE)], replicas=2)))
    return found


@pytest.fixture
def callers(machine: Installation, token: str) -> Callers:
    return Callers(machine.url, token)


def seconds_until(claim: Callable[[], bool]) -> float:
    """How long it took until `claim` held."""
    began = clock.monotonic()
    assert wait_until(claim, 60)
    return clock.monotonic() - began


def running_now(machine: Installation) -> list[dict[str, Any]]:
    """The two processes, once the status tells of those that live."""
    found: list[dict[str, Any]] = []

    def lives() -> bool:
        found[:] = processes(machine.place)
        return len(found) == 2 and all(each["pid"] and start_ticks(each["pid"]) for each in found)

    assert wait_until(lives, 60)
    return found


def all_ready(machine: Installation, urls: list[str]) -> Callable[[], bool]:
    """Whether every replica answers that it is ready, and so does the machine."""
    doors = [f"{url}/ready" for url in urls] + [f"{machine.url}/readyz"]
    return lambda: all(map(answers, doors))


def test_killed_unit_costs_the_calls_that_it_had_and_nothing_else(
    machine: Installation, callers: Callers
) -> None:
    before = running_now(machine)
    with callers.asking(THREADS):
        os.killpg(before[0]["pid"], signal.SIGKILL)
        port = urlsplit(before[0]["endpoint"]).port
        wait_until(lambda: not answers(f"http://127.0.0.1:{port}/ready"), 5)
        back = seconds_until(all_ready(machine, [each["endpoint"] for each in before]))
    assert set(callers.statuses) <= {200, *CUT}, callers.failed
    # At most what was under way there; the other replica answers everything else.
    assert sum(callers.failed.values()) <= THREADS, callers.failed
    assert callers.slowest_seconds < CALL_SECONDS
    assert back <= BACK_SECONDS, back


def test_killed_worker_costs_the_connections_that_it_had_and_nothing_else(
    machine: Installation, callers: Callers
) -> None:
    running = machine.start()
    worker = running.part("worker-1")
    assert worker.pid
    with callers.asking(THREADS):
        os.kill(worker.pid, signal.SIGKILL)
        back = seconds_until(lambda: running.part("worker-1").restarts > worker.restarts)
        back += seconds_until(lambda: answers(f"{machine.url}/readyz"))
    assert set(callers.statuses) <= {200, 0}, callers.failed
    assert sum(callers.failed.values()) <= THREADS, callers.failed
    assert back <= BACK_SECONDS, back


def test_killed_supervisor_is_back_within_seconds_and_the_units_go_on(
    machine: Installation, callers: Callers
) -> None:
    before = running_now(machine)
    doors = [each["endpoint"] for each in before]
    with callers.asking(THREADS):
        began = clock.monotonic()
        machine.kill()
        machine.start()
        seconds_until(all_ready(machine, doors))
        answered = callers.answered
        seconds_until(lambda: callers.answered > answered + 20)
        back = clock.monotonic() - began
    # Workers end with their supervisor; what they had under way is told, and nobody listens meanwhile.
    assert set(callers.statuses) <= {200, 0, 502, 503}, callers.failed
    assert callers.slowest_seconds < CALL_SECONDS
    assert back <= BACK_SECONDS, back
    assert [each["pid"] for each in running_now(machine)] == [each["pid"] for each in before]
