"""What all learning routers share: parameters, rewards, the shared state and how it is shown."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from microservice.errors import StartError
from microservice.protocol.errors import InvalidMessageError
from microservice.protocol.payload import shorten
from microservice.settings import Settings
from microservice.units.base import ShippedUnit
from microservice.units.routers.bandits import Arms, read_values
from microservice.units.state.opening import open_sums
from microservice.units.state.remembering import Remembered
from microservice.user_model import SeldonResponse

log = logging.getLogger(__name__)
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RouterOptions:
    """The parameters that every learning router takes."""

    n_branches: int = 0
    branch_names: str = ""
    seed: int | None = None
    verbose: bool = False
    history: bool = False
    store: str = "seldon-state"
    state_name: str = ""


class LearningRouter(ShippedUnit):
    """Routes to a child by what the children have earned; a subclass says how it chooses."""

    def __init__(self, options: Json) -> None:
        self.options = read_options(options)
        self.names = read_names(self.options)
        self.random = np.random.default_rng(self.options.seed)
        self._shown = np.full((self.options.n_branches, 2), -1.0)
        self._sums: Any = None

    def choose(self, arms: Arms) -> int:
        """Return the branch to go to; `arms` is (n_branches, 2): successes and failures."""
        raise NotImplementedError

    def settle(self, settings: Settings) -> None:
        """Take note of the unit's place; `state_name` is its key instead, when given."""
        super().settle(settings)
        if self.options.state_name:
            self.place = replace(self.place, key=self.options.state_name)

    def load(self) -> None:
        """Open the shared state; what was learnt before is there again."""
        size = 2 * self.options.n_branches
        self._sums = Remembered(open_sums(self.options.store, self.place, size), size)
        tries = self.read_arms().sum()
        log.info("%s knows %g rewards, kept in %s", self.place.key, tries, self._sums.place)

    def read_arms(self) -> Arms:
        """Return successes and failures of each branch, of all workers."""
        arms: Arms = self._sums.read().reshape(-1, 2)
        return arms

    def route(self, features: Any, feature_names: Any) -> SeldonResponse:
        """Return the branch; tagged with its name, and counted."""
        arms = self.read_arms()
        branch = self.choose(arms)
        if self.options.verbose:
            log.info("%s goes to branch %d; values %s", self.place.key, branch, read_values(arms).tolist())
        tags = {"branch": str(branch), "branch_name": self.names[branch]}
        routed = {"type": "COUNTER", "key": "seldon_router_routes", "value": 1, "tags": tags}
        return SeldonResponse(
            branch, {f"{self.place.unit}-branch": self.names[branch]}, [routed, *self._show_changes(arms)]
        )

    def send_feedback(
        self, features: Any, feature_names: Any, reward: float, truth: Any, routing: Any = None
    ) -> list[Any]:
        """Count a reward of 0 to 1 for the branch that was taken, once for each row of the request.

        Raises InvalidMessageError for any other reward and for a branch that is none; StateAwayError when it
        could not be kept.
        """
        branch = self._check_branch(routing)
        if not 0 <= reward <= 1:
            raise InvalidMessageError(f"reward must be between 0 and 1, not {shorten(reward)}")
        amounts = np.zeros((self.options.n_branches, 2))
        amounts[branch] = np.array([reward, 1 - reward]) * count_rows(features)
        self._sums.add(amounts.ravel())
        if self.options.verbose:
            arms = self.read_arms().tolist()
            log.info("%s: branch %d earned %g; %s", self.place.key, branch, reward, arms)
        # No gauges: their label `method` would make them series of their own, which grow old.
        return []

    def health_status(self) -> Json:
        """Return what was learnt, for `/health/status`: what each branch has earned, and where it is kept."""
        arms = self.read_arms()
        values = read_values(arms)
        return {
            "router": type(self).__name__,
            "key": self.place.key,
            "store": self._sums.place,
            "problem": self._sums.problem,
            "branches": [
                {"branch": branch, "name": name, "successes": float(arms[branch, 0]),
                 "failures": float(arms[branch, 1]), "value": float(values[branch])}
                for branch, name in enumerate(self.names)
            ],
        }  # fmt: skip

    def _check_branch(self, routing: Any) -> int:
        if isinstance(routing, int) and not isinstance(routing, bool) and 0 <= routing < len(self.names):
            return routing
        unit = self.place.unit
        raise InvalidMessageError(
            f"feedback needs response.meta.routing.{unit}, the branch of the answer: "
            f"0 to {len(self.names) - 1}, not {shorten(routing)}"
        )

    def _show_changes(self, arms: Arms) -> list[Json]:
        """Return the branches' gauges when they changed since this worker showed them last."""
        if np.array_equal(arms, self._shown):
            return []
        self._shown = arms
        values = read_values(arms)
        return [
            {"type": "GAUGE", "key": f"seldon_router_branch_{key}", "value": float(value),
             "tags": {"branch": str(branch), "branch_name": name}}
            for branch, name in enumerate(self.names)
            for key, value in (("value", values[branch]), ("successes", arms[branch, 0]),
                               ("failures", arms[branch, 1]))
        ]  # fmt: skip


def read_options(options: Json) -> RouterOptions:
    """Return the parameters; raises StartError for an unknown one and for an impossible one."""
    known = [field.name for field in fields(RouterOptions)]
    unknown = options.keys() - set(known)
    if unknown:
        raise StartError(f"unknown parameter {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    found = RouterOptions(**options)
    if found.n_branches < 1:
        raise StartError("the parameter n_branches is needed: the number of children, an INT from 1")
    return found


def read_names(options: RouterOptions) -> list[str]:
    """Return a name for each branch: those of `branch_names` ("a:b"), else their numbers."""
    if not options.branch_names:
        return [str(branch) for branch in range(options.n_branches)]
    names = options.branch_names.split(":")
    if len(names) != options.n_branches:
        raise StartError(f"branch_names has {len(names)} names for {options.n_branches} branches")
    return names


def count_rows(features: Any) -> int:
    """Return how many predictions a reward is for: the request's rows, 1 when it was not sent along."""
    return max(1, len(features)) if isinstance(features, np.ndarray) and features.ndim else 1
