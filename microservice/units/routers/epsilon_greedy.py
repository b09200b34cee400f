"""EPSILON_GREEDY: the best branch, and now and then another."""

from __future__ import annotations

from typing import Any

from microservice.errors import StartError
from microservice.units.routers.bandits import Arms, choose_greedily
from microservice.units.routers.learning import LearningRouter


class EpsilonGreedy(LearningRouter):
    """Explores with probability `epsilon`; until the first reward `best_branch` counts as the best."""

    def __init__(self, epsilon: float = 0.1, best_branch: int | None = None, **options: Any) -> None:
        super().__init__(options)
        if not 0 <= epsilon <= 1:
            raise StartError(f"the parameter epsilon is {epsilon:g}; it is a probability, 0 to 1")
        if best_branch is not None and not 0 <= best_branch < self.options.n_branches:
            raise StartError(
                f"best_branch is {best_branch}; the branches are 0 to {self.options.n_branches - 1}"
            )
        self.epsilon = epsilon
        self.start = (
            int(self.random.integers(self.options.n_branches)) if best_branch is None else best_branch
        )

    def choose(self, arms: Arms) -> int:
        """Return the branch to go to."""
        return choose_greedily(arms, self.epsilon, self.start, self.random)
