"""How many wrong secrets may be tried of one key, and from one address."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from clients.brake import WINDOW_SECONDS, Brake, network_of

HERE, THERE = "192.0.2.1", "192.0.2.2"


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> int:
        return int(self.seconds * 1e9)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def make(tmp_path: Path, time: Time) -> Callable[..., Brake]:
    def made(per_key: int = 3, per_address: int = 5) -> Brake:
        return Brake(tmp_path, b"secret", (per_key, per_address), time)

    return made


def admitted(brake: Brake, key: str, address: str, times: int) -> int:
    return sum(brake.begin(key, address).is_admitted for _ in range(times))


def test_a_key_may_be_tried_so_often_and_again_with_time(make: Callable[..., Brake], time: Time) -> None:
    brake = make()
    assert admitted(brake, "k", HERE, 5) == 3
    refused = brake.begin("k", HERE)
    assert refused.wait_seconds == pytest.approx(WINDOW_SECONDS / 3)
    time.seconds += refused.wait_seconds
    assert admitted(brake, "k", HERE, 5) == 1


def test_tries_from_everywhere_count_for_the_key(make: Callable[..., Brake]) -> None:
    brake = make()
    assert sum(admitted(brake, "k", f"192.0.2.{place}", 1) for place in range(9)) == 3


def test_tries_of_every_key_count_for_the_address(make: Callable[..., Brake]) -> None:
    brake = make()
    assert sum(admitted(brake, f"k{number}", HERE, 1) for number in range(9)) == 5
    assert admitted(brake, "another", THERE, 1) == 1


def test_what_was_right_costs_nothing(make: Callable[..., Brake]) -> None:
    brake = make()
    for _ in range(20):
        ticket = brake.begin("k", HERE)
        assert ticket.is_admitted
        brake.succeed(ticket)


def test_who_signed_in_from_here_is_kept_out_by_nobody_else(make: Callable[..., Brake]) -> None:
    brake = make()
    brake.succeed(brake.begin("k", HERE))
    assert admitted(brake, "k", THERE, 9) == 3
    assert sum(admitted(brake, f"k{number}", HERE, 1) for number in range(9)) == 5
    assert brake.begin("k", HERE).is_proven
    assert admitted(brake, "k", HERE, 9) == 2


def test_tries_at_once_are_charged_before_they_are_looked_at(make: Callable[..., Brake]) -> None:
    brake = make()
    tickets = [brake.begin("k", HERE) for _ in range(9)]
    assert [ticket.is_admitted for ticket in tickets] == [True] * 3 + [False] * 6


def test_the_first_refusal_of_an_hour_is_news(make: Callable[..., Brake], time: Time) -> None:
    brake = make()
    assert [brake.begin("k", HERE).news for _ in range(5)] == ["", "", "", "key", ""]
    time.seconds += 3601
    assert [brake.begin("k", HERE).news for _ in range(5)] == ["", "", "", "key", ""]


def test_zero_limits_nothing(make: Callable[..., Brake]) -> None:
    assert admitted(make(0, 0), "k", HERE, 50) == 50


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_network_of_an_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_processes_share_one_count(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.clients.guesser", str(tmp_path)]
    runs = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sum(int(run.communicate(timeout=120)[0]) for run in runs) == 50
