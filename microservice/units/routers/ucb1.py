"""UCB1: the branch that could be the best, as far as is known."""

from __future__ import annotations

from typing import Any

from microservice.errors import StartError
from microservice.units.routers.bandits import Arms, choose_by_confidence
from microservice.units.routers.learning import LearningRouter


class UCB1(LearningRouter):
    """Goes to the largest upper bound of the mean reward; `exploration` widens or narrows the bounds."""

    def __init__(self, exploration: float = 1.0, **options: Any) -> None:
        super().__init__(options)
        if exploration < 0:
            raise StartError(f"the parameter exploration is {exploration:g}; it must not be negative")
        self.exploration = exploration

    def choose(self, arms: Arms) -> int:
        """Return the branch to go to."""
        return choose_by_confidence(arms, self.exploration, self.random)
