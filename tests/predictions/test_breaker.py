"""The circuit breaker, with a clock that the test moves."""

from __future__ import annotations

import pytest

from predictions.breaker import FAILURES_TO_OPEN, FIRST_REST_SECONDS, LONGEST_REST_SECONDS, Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def open_breaker(clock: Clock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(FAILURES_TO_OPEN):
        assert breaker.try_enter()
        breaker.note_failure()
    return breaker


def test_failures_in_a_row_open_it(clock: Clock) -> None:
    breaker = open_breaker(clock)
    assert breaker.state == "open"
    assert not breaker.try_enter()
    assert breaker.resting_seconds() == FIRST_REST_SECONDS


def test_a_success_between_failures_keeps_it_closed(clock: Clock) -> None:
    breaker = Breaker(clock)
    for _ in range(FAILURES_TO_OPEN * 3):
        breaker.note_failure()
        breaker.note_success()
    assert breaker.try_enter()


def test_after_the_rest_exactly_one_probe_goes_through(clock: Clock) -> None:
    breaker = open_breaker(clock)
    clock.now = FIRST_REST_SECONDS
    assert [breaker.try_enter() for _ in range(3)] == [True, False, False]


def test_successful_probe_closes_it(clock: Clock) -> None:
    breaker = open_breaker(clock)
    clock.now = FIRST_REST_SECONDS
    assert breaker.try_enter()
    breaker.note_success()
    assert breaker.state == "closed"
    assert all(breaker.try_enter() for _ in range(3))


def test_failed_probes_rest_longer_up_to_a_limit(clock: Clock) -> None:
    breaker, rests = open_breaker(clock), []
    for _ in range(10):
        rests.append(breaker.resting_seconds())
        clock.now += rests[-1]
        assert breaker.try_enter()
        breaker.note_failure()
    assert rests[:3] == [FIRST_REST_SECONDS, FIRST_REST_SECONDS * 2, FIRST_REST_SECONDS * 4]
    assert rests[-1] == LONGEST_REST_SECONDS


def test_probe_whose_caller_left_may_be_made_again(clock: Clock) -> None:
    breaker = open_breaker(clock)
    clock.now = FIRST_REST_SECONDS
    assert breaker.try_enter()
    breaker.note_abandoned()
    assert breaker.try_enter()


def test_late_failures_of_calls_begun_before_do_not_lengthen_the_rest(clock: Clock) -> None:
    breaker = open_breaker(clock)
    breaker.note_failure()
    assert breaker.resting_seconds() == FIRST_REST_SECONDS
