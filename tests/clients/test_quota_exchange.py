"""Quota counts that workers share by a file, and machines by a board: in memory and in a real Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clients.quota_exchange import Board, QuotaExchange
from clients.quota_file import QuotaFile
from clients.quota_totals import QuotaTotals
from stores.redis.board import RedisBoard
from stores.redis.link import RedisAwayError, RedisLink
from tests.contracts.quota_counts import DAY, SECOND, START_SECOND, Clock, QuotaCountsContract
from tests.servers_redis import RedisServer


class Machine:
    """The counts of a machine of two workers, and its exchange."""

    def __init__(self, folder: Path, boards: tuple[Board, Board], clock: Clock) -> None:
        self.path = folder / "quotas"
        self.workers = QuotaFile(self.path, 0, 2), QuotaFile(self.path, 1, 2)
        self.totals = QuotaTotals(self.path, 2)
        self.exchange = QuotaExchange(self.totals, boards, folder.name, clock)

    def close(self) -> None:
        for each in (*self.workers, self.totals):
            each.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def link(redis_server: RedisServer) -> Iterator[RedisLink]:
    link = RedisLink(redis_server.url)
    yield link
    link.close()


MakeMachine = Callable[[str], Machine]


@pytest.fixture
def machine(tmp_path: Path, link: RedisLink, clock: Clock) -> Iterator[MakeMachine]:
    made = []

    def make(name: str) -> Machine:
        boards = RedisBoard(link, "quotas-now", name), RedisBoard(link, "quotas-day", name)
        made.append(Machine(tmp_path / name, boards, clock))
        return made[-1]

    yield make
    for each in made:
        each.close()


class TestWorkersOfOneMachine(QuotaCountsContract):
    @pytest.fixture
    def one(self, tmp_path: Path) -> Iterator[QuotaFile]:
        counts = QuotaFile(tmp_path / "quotas", 0, 2)
        yield counts
        counts.close()

    @pytest.fixture
    def two(self, tmp_path: Path) -> Iterator[QuotaFile]:
        counts = QuotaFile(tmp_path / "quotas", 1, 2)
        yield counts
        counts.close()

    @pytest.fixture
    def share(self) -> Callable[[], None]:
        return lambda: None


class TestMachinesByRedis(QuotaCountsContract):
    @pytest.fixture
    def machines(self, machine: MakeMachine) -> tuple[Machine, Machine]:
        return machine("a"), machine("b")

    @pytest.fixture
    def one(self, machines: tuple[Machine, Machine]) -> QuotaFile:
        return machines[0].workers[1]

    @pytest.fixture
    def two(self, machines: tuple[Machine, Machine]) -> QuotaFile:
        return machines[1].workers[0]

    @pytest.fixture
    def share(self, machines: tuple[Machine, Machine], clock: Clock) -> Callable[[], None]:
        def share() -> None:
            # A machine that has nothing to tell listens less often.
            clock.now += SECOND // 4
            exchange(*machines)

        return share


def exchange(*machines: Machine) -> None:
    """What each told before, all know afterwards."""
    for _ in range(2):
        for machine in machines:
            machine.exchange.turn()


def test_telling_twice_counts_nothing_twice(machine: MakeMachine) -> None:
    a, b = machine("a"), machine("b")
    a.workers[0].add_events(1, DAY, 10)
    for _ in range(5):
        exchange(a, b)
    assert a.workers[0].events_of(1, DAY) == b.workers[0].events_of(1, DAY) == 10


def test_the_other_machines_day_outlives_it_and_a_redis_that_lost_everything(
    machine: MakeMachine, redis_server: RedisServer, clock: Clock
) -> None:
    a, b = machine("a"), machine("b")
    b.workers[0].add_events(1, DAY, 10)
    exchange(b, a)
    b.close = lambda: None  # type: ignore[method-assign]
    redis_server.client.flushall()
    clock.now += 10 * SECOND
    a.workers[0].add_events(1, DAY, 1)
    a.exchange.turn()
    assert a.workers[1].events_of(1, DAY) == 11


def test_a_machine_that_comes_later_learns_of_the_whole_day(machine: MakeMachine, clock: Clock) -> None:
    a = machine("a")
    for client_id in range(1, 400):
        a.workers[0].add_events(client_id, DAY, client_id)
    a.exchange.turn()
    clock.now += 60 * SECOND
    a.exchange.turn()
    late = machine("late")
    late.exchange.turn()
    assert [late.workers[0].events_of(client_id, DAY) for client_id in (1, 399)] == [1, 399]


def test_three_machines_are_summed(machine: MakeMachine) -> None:
    machines = [machine(name) for name in "abc"]
    for number, each in enumerate(machines, 1):
        for _ in range(number):
            each.workers[number % 2].add_request(1, 2, START_SECOND)
    exchange(*machines)
    assert [each.workers[0].recent(1, 2, START_SECOND) for each in machines] == [(0, 6)] * 3


def test_without_redis_the_machine_goes_on_alone_and_catches_up(
    machine: MakeMachine, redis_server: RedisServer, link: RedisLink, clock: Clock
) -> None:
    a, b = machine("a"), machine("b")
    a.workers[0].add_request(1, 0, START_SECOND)
    exchange(a, b)
    redis_server.kill()
    clock.now += 2 * SECOND
    second = START_SECOND + 2
    a.workers[0].add_request(1, 0, second)
    a.workers[0].add_events(1, DAY, 5)
    with pytest.raises(RedisAwayError):
        a.exchange.turn()
    assert b.workers[0].recent(1, 0, second) == (0, 0)
    redis_server.start()
    while link.problem:
        link.probe()
    clock.now += SECOND // 4
    exchange(a, b)
    assert b.workers[0].recent(1, 0, second) == (0, 1)
    assert b.workers[0].events_of(1, DAY) == 5


def test_what_gone_machines_left_is_taken_off_the_board(
    machine: MakeMachine, redis_server: RedisServer, clock: Clock
) -> None:
    a, b = machine("a"), machine("b")
    a.workers[0].add_request(1, 0, START_SECOND)
    exchange(a, b)
    clock.now += 2 * 86_400 * SECOND
    a.exchange.turn()
    assert redis_server.client.hkeys("seldon:quotas-now") == [b"a"]
    assert redis_server.client.hkeys("seldon:quotas-day") == [b"a"]
    assert redis_server.client.ttl("seldon:quotas-now") > 0
    assert redis_server.client.ttl("seldon:quotas-day") > 0
