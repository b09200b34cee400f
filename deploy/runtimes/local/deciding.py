"""What to do next for one deployment; pure: no clock, no files, no processes.

The generation that is served goes on until every unit of the wanted one is ready. Then the traffic moves in
one step, and what is not wanted any more gets no new calls and is stopped when it has drained.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from deploy.runtimes.local.records import DeploymentPlan, Instance, UnitPlan

IsReady = Callable[[Instance], bool]


@dataclass(frozen=True, slots=True)
class Decision:
    """`serves`: the plan whose graph gets the traffic (None: nothing may be called); `active`: the instances
    that may be called, ready or not; `starts`: what to start, one plan per process; `drains`: what gets no
    new calls from now on."""

    serves: DeploymentPlan | None
    active: tuple[Instance, ...]
    starts: tuple[UnitPlan, ...]
    drains: tuple[Instance, ...]


def decide(
    wanted: DeploymentPlan | None,
    served: DeploymentPlan | None,
    instances: Collection[Instance],
    is_ready: IsReady,
) -> Decision:
    """The next step; `instances` are those of this deployment that do not drain."""
    if wanted is None:
        return Decision(None, (), (), tuple(instances))
    starts = [plan for unit in wanted.units for plan in _missing(unit, instances)]
    kept = _kept(wanted, instances, is_ready)
    serves = wanted
    graphs = [unit for unit in wanted.units if not unit.explains]
    if served is not None and served != wanted and not is_whole(graphs, instances, is_ready):
        serves = served
        kept += [each for each in _of(served, instances) if each not in kept]
        known = {(unit.key, unit.revision) for unit in wanted.units}
        lost = [unit for unit in served.units if (unit.key, unit.revision) not in known]
        starts += [plan for unit in lost for plan in _missing(unit, instances)]
    drains = tuple(each for each in instances if each not in kept)
    return Decision(serves, tuple(kept), tuple(starts), drains)


def endpoints_of(unit: UnitPlan, active: Iterable[Instance], is_ready: IsReady) -> list[str]:
    """Where a unit may be called now."""
    mine = [each for each in active if each.key == unit.key and each.revision == unit.revision]
    return sorted(each.endpoint for each in mine if is_ready(each))


def _missing(unit: UnitPlan, instances: Collection[Instance]) -> list[UnitPlan]:
    there = sum(1 for each in instances if _runs(each, unit))
    return [] if unit.problem else [unit] * max(0, unit.replicas - there)


def is_whole(wanted: Iterable[UnitPlan], instances: Collection[Instance], is_ready: IsReady) -> bool:
    """Whether everything that is wanted is there and ready."""
    return all(
        not unit.problem
        and sum(1 for each in instances if _runs(each, unit) and is_ready(each)) >= unit.replicas
        for unit in wanted
    )


def _kept(wanted: DeploymentPlan, instances: Collection[Instance], is_ready: IsReady) -> list[Instance]:
    """Of each unit as many as are wanted: those that are ready first, the older ones of them."""
    found: list[Instance] = []
    for unit in wanted.units:
        mine = [each for each in instances if _runs(each, unit)]
        mine.sort(key=lambda each: (not is_ready(each), each.began_at, each.slot))
        found += mine[: unit.replicas]
    return found


def _of(plan: DeploymentPlan, instances: Collection[Instance]) -> list[Instance]:
    return [each for each in instances if any(_runs(each, unit) for unit in plan.units)]


def _runs(instance: Instance, unit: UnitPlan) -> bool:
    return instance.key == unit.key and instance.revision == unit.revision
