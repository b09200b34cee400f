"""The choices of the bandit algorithms: pure functions of what each branch has earned."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Arms = np.ndarray[Any, np.dtype[np.float64]]


def read_values(arms: Arms) -> Arms:
    """Return the mean reward of each branch, 0 without any; `arms` is (n, 2): successes and failures."""
    tries = arms.sum(axis=1)
    values = np.zeros(len(arms))
    np.divide(arms[:, 0], tries, out=values, where=tries > 0)
    return values


def choose_greedily(arms: Arms, epsilon: float, start: int, random: np.random.Generator) -> int:
    """Return the best branch, or with probability `epsilon` one of the others.

    Of equals any is the best; before the first reward it is `start`.
    Source: Sutton and Barto, Reinforcement Learning, 2.2; exploring excludes the best, as Seldon Core's does.
    """
    best = pick_best(read_values(arms), random) if arms.any() else start
    if random.random() > epsilon or len(arms) == 1:
        return best
    others = [branch for branch in range(len(arms)) if branch != best]
    return int(random.choice(others))


def choose_by_sampling(arms: Arms, random: np.random.Generator) -> int:
    """Return the branch whose draw from Beta(1 + successes, 1 + failures) is largest.

    Source: Agrawal and Goyal, Analysis of Thompson Sampling, 2012, algorithm 1.
    """
    return int(random.beta(1 + arms[:, 0], 1 + arms[:, 1]).argmax())


def choose_by_confidence(arms: Arms, exploration: float, random: np.random.Generator) -> int:
    """Return the branch with the largest mean + exploration · sqrt(2 ln N / n); one never tried goes first.

    Source: Auer, Cesa-Bianchi and Fischer, 2002, UCB1, where exploration is 1.
    """
    tries = arms.sum(axis=1)
    untried = np.flatnonzero(tries == 0)
    if len(untried):
        return int(random.choice(untried))
    bounds = np.sqrt(2 * max(0.0, math.log(tries.sum())) / tries)
    return pick_best(read_values(arms) + exploration * bounds, random)


def pick_best(values: Arms, random: np.random.Generator) -> int:
    """Return the place of the largest value, any of several equal ones."""
    return int(random.choice(np.flatnonzero(values == values.max())))
