"""Quotas: what they refuse, for how long, and that the workers of a machine share them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.errors import DailyEventsExceededError, RateExceededError
from clients.quota_file import QuotaFile
from clients.quotas import QuotaKeeper, seconds_until_room
from clients.records import Limits
from tests.clients.quota_hammer import LIMIT
from tests.factories import make_caller

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
ROOT = Path(__file__).parents[2]
# A whole day, so that tests begin at midnight and at the start of a second.
START = 20_000 * DAY


class Clock:
    """Nanoseconds that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "quotas"


@pytest.fixture
def counts(path: Path) -> Iterator[QuotaFile]:
    counts = QuotaFile(path, 0, 4)
    yield counts
    counts.close()


@pytest.fixture
def keeper(counts: QuotaFile, clock: Clock) -> QuotaKeeper:
    return QuotaKeeper(counts, clock)


def make_request(surface: str = "events", **limits: float) -> Any:
    caller = make_caller(quotas={surface: Limits(**limits)} if limits else {})
    return SimpleNamespace(caller=caller, route=SimpleNamespace(surface=surface), max_body_bytes=1000)


def admitted(keeper: QuotaKeeper, request: Any, tries: int) -> int:
    count = 0
    for _ in range(tries):
        try:
            keeper.admit(request)
        except RateExceededError:
            continue
        count += 1
    return count


def test_requests_over_the_rate_are_refused(keeper: QuotaKeeper) -> None:
    assert admitted(keeper, make_request(requests_per_second=10), 25) == 10


def test_room_comes_back_as_the_second_slides(keeper: QuotaKeeper, clock: Clock) -> None:
    request = make_request(requests_per_second=10)
    admitted(keeper, request, 10)
    clock.now += SECOND
    assert admitted(keeper, request, 10) == 0
    clock.now += SECOND // 2
    assert admitted(keeper, request, 10) == 5
    clock.now += 2 * SECOND
    assert admitted(keeper, request, 20) == 10


def test_refusal_says_when_to_come_back(keeper: QuotaKeeper, clock: Clock) -> None:
    request = make_request(requests_per_second=2)
    admitted(keeper, request, 2)
    with pytest.raises(RateExceededError) as refused:
        keeper.admit(request)
    clock.now += int(refused.value.data["retry_after_seconds"] * SECOND) + 1000
    keeper.admit(request)


def test_client_without_quotas_is_not_counted(keeper: QuotaKeeper, path: Path) -> None:
    assert admitted(keeper, make_request(), 1000) == 1000
    assert path.stat().st_size == 0


def test_surfaces_and_clients_are_counted_apart(keeper: QuotaKeeper) -> None:
    events, predict = (make_request(surface, requests_per_second=3) for surface in ("events", "predict"))
    other = make_request(requests_per_second=3)
    other.caller = make_caller("globex", client_id=2, quotas=other.caller.quotas)
    assert [admitted(keeper, request, 9) for request in (events, predict, other)] == [3, 3, 3]


def test_body_limit_is_lowered_never_raised(keeper: QuotaKeeper) -> None:
    small, large = make_request(max_body_bytes=10), make_request(max_body_bytes=10_000)
    keeper.admit(small)
    keeper.admit(large)
    assert (small.max_body_bytes, large.max_body_bytes) == (10, 1000)


def test_events_over_the_day_are_refused_until_midnight(keeper: QuotaKeeper, clock: Clock) -> None:
    request = make_request(events_per_day=100)
    clock.now += DAY - 60 * SECOND
    keeper.charge_events(request.caller, 90)
    with pytest.raises(DailyEventsExceededError) as refused:
        keeper.charge_events(request.caller, 11)
    assert refused.value.data["retry_after_seconds"] == 60
    keeper.charge_events(request.caller, 10)
    with pytest.raises(DailyEventsExceededError):
        keeper.admit(request)
    clock.now += 60 * SECOND
    keeper.admit(request)
    keeper.charge_events(request.caller, 100)


def test_day_counts_survive_a_restart_with_fewer_workers(path: Path, clock: Clock) -> None:
    before = QuotaFile(path, 3, 4)
    caller = make_request(events_per_day=100).caller
    QuotaKeeper(before, clock).charge_events(caller, 100)
    before.close()
    after = QuotaFile(path, 0, 1)
    with pytest.raises(DailyEventsExceededError):
        QuotaKeeper(after, clock).charge_events(caller, 1)
    after.close()


def test_two_workers_see_each_others_counts_and_growth(path: Path, clock: Clock) -> None:
    one, two = QuotaFile(path, 0, 2), QuotaFile(path, 1, 2)
    request = make_request(requests_per_second=10)
    request.caller = make_caller(client_id=5000, quotas=request.caller.quotas)
    keepers = QuotaKeeper(one, clock), QuotaKeeper(two, clock)
    one.add_request(1, 0, 1)
    assert sum(admitted(keepers[turn % 2], request, 1) for turn in range(30)) == 10
    assert two.recent(1, 0, 1) == (0, 1)
    one.close()
    two.close()


def test_ten_thousand_clients_take_blocks_only_where_counted(path: Path) -> None:
    counts = QuotaFile(path, 0, 1)
    counts.add_request(10_000, 0, 1)
    counts.close()
    assert path.stat().st_size > 50_000_000
    assert path.stat().st_blocks * 512 < 100_000


@given(
    limit=st.integers(1, 50),
    gaps=st.lists(st.floats(0, 1.5), min_size=1, max_size=150),
)
def test_no_second_holds_much_more_than_the_limit(
    tmp_path_factory: pytest.TempPathFactory, limit: int, gaps: list[float]
) -> None:
    clock = Clock()
    counts = QuotaFile(tmp_path_factory.mktemp("quotas") / "quotas", 0, 1)
    keeper, request, taken = QuotaKeeper(counts, clock), make_request(requests_per_second=limit), []
    for gap in gaps:
        clock.now += int(gap * SECOND / limit)
        if admitted(keeper, request, 1):
            taken.append(clock.now)
    counts.close()
    # A sliding estimate: what came late in a second is taken to be spread over it.
    for start in taken:
        assert sum(start <= at < start + SECOND for at in taken) <= 1.5 * limit + 1


@given(
    limit=st.integers(1, 100),
    before=st.integers(1, 200),
    current=st.integers(1, 200),
    gone=st.floats(0, 0.999),
)
def test_waiting_as_told_is_enough(limit: int, before: int, current: int, gone: float) -> None:
    wait = seconds_until_room(limit, before, current, gone)
    assert 0 <= wait <= 2
    moved = gone + wait
    load = before * (1 - moved) + current if moved < 1 else current * max(0.0, 2 - moved)
    assert load + 1 <= limit + 1e-6 or wait == 0


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 4])
def test_sum_over_processes_is_held(path: Path, workers: int) -> None:
    seconds = 2
    command = [sys.executable, "-m", "tests.clients.quota_hammer", str(path)]
    processes = [
        subprocess.Popen(
            [*command, str(worker), str(workers), str(seconds)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for worker in range(workers)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    start = f"{int(time.time()) + 2}\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(start)
        process.stdin.flush()
    total = sum(int(process.communicate(timeout=100)[0]) for process in processes)
    # Each second from an empty start holds the limit; workers that read at the same moment may go over
    # it by less than their number each time.
    assert 0.9 * LIMIT * seconds <= total <= 1.05 * LIMIT * seconds


def test_full_disk_lets_requests_in_uncounted_and_counting_begins_again(
    small_disk: Path, clock: Clock
) -> None:
    counts = QuotaFile(small_disk / "quotas", 0, 2)
    keeper = QuotaKeeper(counts, clock)
    known, new = (make_request(requests_per_second=5, events_per_day=1000) for _ in range(2))
    known.caller, new.caller = replace(known.caller, client_id=1), replace(new.caller, client_id=2000)
    assert admitted(keeper, known, 9) == 5
    ballast = small_disk / "ballast"
    fill(ballast)
    assert admitted(keeper, new, 9) == 9
    keeper.charge_events(new.caller, 1)
    assert admitted(keeper, known, 9) == 0
    ballast.unlink()
    assert admitted(keeper, new, 9) == 5
    counts.close()


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
