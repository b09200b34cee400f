"""THOMPSON_SAMPLING: each branch as often as it is likely to be the best."""

from __future__ import annotations

from typing import Any

from microservice.units.routers.bandits import Arms, choose_by_sampling
from microservice.units.routers.learning import LearningRouter


class ThompsonSampling(LearningRouter):
    """Draws from each branch's Beta distribution; it learns also from rewards that come late."""

    def __init__(self, **options: Any) -> None:
        super().__init__(options)

    def choose(self, arms: Arms) -> int:
        """Return the branch to go to."""
        return choose_by_sampling(arms, self.random)
