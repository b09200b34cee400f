"""What a strategy compiles to: a plan of branches, each a sequence of steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from predictions.records import Algorithm, Ask, Outcome, Strategy, Variation
from predictions.traffic import bounds_of, choose, is_mirrored, point_of


class Step(Protocol):
    """Something that answers a prediction or raises why it cannot."""

    async def predict(self, ask: Ask, seconds: float) -> Outcome:
        """An answer in the caller's protocol."""


@dataclass(frozen=True, slots=True)
class Branch:
    """Steps in the order they are tried. `index` is the branch's place in the split, -1 without one."""

    label: str
    index: int
    steps: tuple[Step, ...]
    ratio: float = 1.0
    default_output: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Branches that share the traffic by puid, and shadows that see copies of it."""

    branches: tuple[Branch, ...]
    bounds: tuple[float, ...]
    shadows: tuple[Branch, ...]
    deadline_seconds: float
    salt: str

    def branch_for(self, puid: str) -> Branch:
        """The branch of `puid`: the same one for as long as the ratios stay."""
        if len(self.branches) == 1:
            return self.branches[0]
        return self.branches[choose(self.bounds, point_of(puid, self.salt))]

    def shadows_for(self, puid: str) -> list[Branch]:
        """The shadows that see this request too."""
        return [shadow for shadow in self.shadows if is_mirrored(shadow.ratio, puid, self.salt)]


def compile_plan(
    strategy: Strategy, client: str, resolve: Callable[[Algorithm], Step], deadline_seconds: float
) -> Plan:
    """The plan of `strategy` for `client`; `resolve` finds what an algorithm calls."""

    def branch(variation: Variation, index: int) -> Branch:
        steps = tuple(resolve(algorithm) for algorithm in variation.algorithms)
        return Branch(variation.label, index, steps, variation.ratio, variation.default_output)

    branches = tuple(
        branch(variation, index if strategy.is_split else -1)
        for index, variation in enumerate(strategy.variations)
    )
    return Plan(
        branches=branches,
        bounds=bounds_of([variation.ratio for variation in strategy.variations]),
        shadows=tuple(branch(variation, -1) for variation in strategy.shadows),
        deadline_seconds=strategy.deadline_seconds or deadline_seconds,
        # Tenants are salted apart, so that a puid that two of them share is in no way correlated.
        salt=client,
    )


def single_step_plan(step: Step, client: str, deadline_seconds: float) -> Plan:
    """The plan that calls one named microservice and nothing else."""
    return Plan((Branch("default", -1, (step,)),), (1.0,), (), deadline_seconds, client)
