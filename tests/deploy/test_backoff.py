"""The waits between restarts."""

from __future__ import annotations

import random

import pytest

from deploy.backoff import Backoff, Pace

PACE = Pace(first_seconds=1, longest_seconds=8, stable_seconds=60)


@pytest.fixture
def backoff() -> Backoff:
    return Backoff(PACE, random.Random(7))


def test_waits_double_up_to_the_longest(backoff: Backoff) -> None:
    waits = [backoff.next_wait(lived_seconds=0) for _ in range(6)]
    for wait, full in zip(waits, [1, 2, 4, 8, 8, 8], strict=True):
        assert 0.75 * full <= wait <= full


def test_wait_is_short_again_after_a_stable_life(backoff: Backoff) -> None:
    for _ in range(5):
        backoff.next_wait(lived_seconds=0)
    assert backoff.next_wait(lived_seconds=60) <= 1


def test_wait_never_overflows(backoff: Backoff) -> None:
    for _ in range(2000):
        wait = backoff.next_wait(lived_seconds=0)
    assert wait <= 8


def test_third_death_in_a_row_is_a_crash_loop(backoff: Backoff) -> None:
    claims = []
    for _ in range(3):
        backoff.next_wait(lived_seconds=0)
        claims.append(backoff.is_crash_looping)
    assert claims == [False, False, True]


def test_parts_that_die_together_wait_differently() -> None:
    first, second = (Backoff(PACE, random.Random(seed)).next_wait(0) for seed in (1, 2))
    assert first != second
