"""Each algorithm finds the better branch, and chooses as its paper says."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from microservice.units.routers.bandits import (
    Arms,
    choose_by_confidence,
    choose_by_sampling,
    choose_greedily,
    read_values,
)

Choose = Callable[[Arms, np.random.Generator], int]
ALGORITHMS: dict[str, Choose] = {
    "greedy": lambda arms, random: choose_greedily(arms, 0.1, 0, random),
    "sampling": choose_by_sampling,
    "confidence": lambda arms, random: choose_by_confidence(arms, 1.0, random),
}


def play(choose: Choose, chances: list[float], seed: int, rounds: int = 1500, delay: int = 1) -> Arms:
    """Return what the branches earned after `rounds` whose rewards come `delay` rounds later, all at once."""
    random = np.random.default_rng(seed)
    arms = np.zeros((len(chances), 2))
    late = np.zeros_like(arms)
    for number in range(rounds):
        branch = choose(arms, random)
        late[branch, 0 if random.random() < chances[branch] else 1] += 1
        if number % delay == 0:
            arms, late = arms + late, np.zeros_like(arms)
    return arms


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ALGORITHMS)
def test_better_branch_gets_most_of_the_traffic_wherever_it_stands(name: str, seed: int) -> None:
    for chances, best in (([0.3, 0.6], 1), ([0.6, 0.3], 0), ([0.2, 0.5, 0.8, 0.3], 2)):
        tries = play(ALGORITHMS[name], chances, seed).sum(axis=1)
        assert tries[best] / tries.sum() > 0.7
        assert tries.min() > 0


@pytest.mark.parametrize("name", ALGORITHMS)
def test_regret_is_far_below_that_of_chance(name: str) -> None:
    chances = [0.2, 0.4, 0.6]
    regrets = [
        float((0.6 - np.array(chances)) @ play(ALGORITHMS[name], chances, seed).sum(axis=1))
        for seed in range(5)
    ]
    assert np.mean(regrets) < 0.4 * 1500 * 0.2


def test_sampling_learns_from_rewards_that_come_late() -> None:
    tries = play(choose_by_sampling, [0.3, 0.6], 1, delay=200).sum(axis=1)
    assert tries[1] / tries.sum() > 0.8


def test_sampling_with_nothing_known_is_even_and_with_much_known_is_sure() -> None:
    random = np.random.default_rng(3)
    even = [choose_by_sampling(np.zeros((2, 2)), random) for _ in range(2000)]
    assert 0.45 < np.mean(even) < 0.55
    sure = [choose_by_sampling(np.array([[100.0, 900], [900, 100]]), random) for _ in range(200)]
    assert set(sure) == {1}


def test_sampling_chooses_as_often_as_a_branch_is_likely_the_best() -> None:
    # P(Beta(2,1) > Beta(1,1)) is the mean of Beta(2,1): two thirds.
    random = np.random.default_rng(4)
    found = [choose_by_sampling(np.array([[0.0, 0], [1, 0]]), random) for _ in range(6000)]
    assert np.mean(found) == pytest.approx(2 / 3, abs=0.02)


def test_greedy_explores_the_others_with_probability_epsilon() -> None:
    random = np.random.default_rng(5)
    arms = np.array([[1.0, 9], [9, 1], [2, 8]])
    shares = np.bincount([choose_greedily(arms, 0.3, 0, random) for _ in range(6000)], minlength=3) / 6000
    assert shares == pytest.approx([0.15, 0.7, 0.15], abs=0.02)


def test_greedy_begins_where_it_is_told_and_breaks_ties_by_chance() -> None:
    random = np.random.default_rng(6)
    assert {choose_greedily(np.zeros((3, 2)), 0.0, 2, random) for _ in range(50)} == {2}
    tied = np.array([[1.0, 1], [2, 2], [0, 4]])
    assert {choose_greedily(tied, 0.0, 2, random) for _ in range(50)} == {0, 1}
    assert choose_greedily(np.zeros((1, 2)), 1.0, 0, random) == 0


def test_confidence_tries_each_first_and_then_the_largest_bound() -> None:
    random = np.random.default_rng(7)
    assert choose_by_confidence(np.array([[1.0, 0], [0, 0], [5, 5]]), 1.0, random) == 1
    arms = np.array([[60.0, 40], [3, 3]])
    bounds = [m + math.sqrt(2 * math.log(106) / n) for m, n in ((0.6, 100), (0.5, 6))]
    assert choose_by_confidence(arms, 1.0, random) == bounds.index(max(bounds)) == 1
    assert choose_by_confidence(arms, 0.0, random) == 0
    assert choose_by_confidence(np.array([[0.2, 0.3]]), 1.0, random) == 0


def test_values_are_mean_rewards() -> None:
    assert read_values(np.array([[1.0, 3], [0, 0], [0.5, 0]])).tolist() == [0.25, 0, 1]
