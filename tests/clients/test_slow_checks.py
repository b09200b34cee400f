"""Slow comparisons run one at a time, with rests, and few wait."""

from __future__ import annotations

import threading

import pytest

from clients.errors import SignInsBusyError
from clients.slow_checks import SlowChecks, check_in_vain, is_slow
from tests.clients.hashing import compared
from tests.clients.test_brake import Time

__all__ = ["compared"]


def test_the_next_one_waits_three_times_as_long_as_the_last_one_took() -> None:
    time, rests = Time(), list[float]()

    def take() -> None:
        time.seconds += 0.25

    checks = SlowChecks(monotonic=lambda: time.seconds, rest=rests.append)
    checks.run(take)
    checks.run(take)
    assert rests == [pytest.approx(0.75)]


def test_a_crowd_is_told_to_come_again() -> None:
    checks, under_way, end = SlowChecks(most_waiting=0), threading.Event(), threading.Event()

    def hang() -> bool:
        under_way.set()
        return end.wait(60)

    thread = threading.Thread(target=checks.run, args=(hang,))
    thread.start()
    assert under_way.wait(60)
    with pytest.raises(SignInsBusyError):
        checks.run(lambda: True)
    end.set()
    thread.join(60)
    assert checks.run(lambda: 7) == 7


def test_a_place_is_given_back_by_what_fails() -> None:
    checks = SlowChecks(most_waiting=0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            checks.run(lambda: 1 / 0)


def test_a_vain_comparison_is_a_slow_one(compared: list[str]) -> None:
    check_in_vain("guess")
    assert [is_slow(stored) for stored in compared] == [True]
