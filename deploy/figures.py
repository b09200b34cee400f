"""How a deployment's predictors and units did in the last minutes, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from common import clock
from deploy.models import SeldonDeployment
from deploy.unit_states import State, States, ask_states
from predictions.graph_traffic import Calls, GraphTraffic, graph_traffic

Json = dict[str, Any]
MINUTES: Final = 60
_ROUTERS: Final = ("SIMPLE_ROUTER", "RANDOM_ABTEST")


def traffic_of(row: SeldonDeployment, minutes: int = MINUTES) -> GraphTraffic:
    """Calls and routes of the last `minutes` minutes, the present one included."""
    present = clock.now().replace(second=0, microsecond=0)
    return graph_traffic(
        client=row.client,
        deployment=row.name,
        since=present - timedelta(minutes=minutes - 1),
        minutes=minutes,
        begun_at=row.created_at,
    )


def figures_of(row: SeldonDeployment, minutes: int = MINUTES) -> Json:
    """Figures of every predictor and unit as JSON has them; what cannot be known is null."""
    traffic = traffic_of(row, minutes)
    states = ask_states(row.status.get("units") or ())
    predictors = row.manifest["spec"]["predictors"]
    return {
        "minutes": minutes,
        "predictors": [
            {
                "name": each["name"],
                **calls_told(traffic.whole(str(each["name"]))),
                "units": [
                    _unit(unit, str(each["name"]), traffic, states) for unit in units_below(each["graph"])
                ],
            }
            for each in predictors
        ],
    }


def units_below(graph: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The units of a manifest's graph, parents first."""
    waiting = [graph]
    while waiting:
        unit = waiting.pop()
        yield unit
        waiting.extend(reversed(unit.get("children") or ()))


def calls_told(calls: Calls) -> Json:
    """Calls as JSON."""
    return {
        "calls": calls.count,
        "failed": calls.failed,
        "p50_seconds": calls.seconds(0.5),
        "p99_seconds": calls.seconds(0.99),
    }


def branches_of(unit: Mapping[str, Any], chosen: Mapping[int, int], state: State) -> list[Json]:
    """The children of a router: how often each was chosen, and what it has earned, where that is known.

    `reward` is the mean of all rewards ever, 0 to 1; `rewards` is how many there were.
    """
    total = sum(chosen.values())
    learnt = {each.get("branch"): each for each in _learnt(state)}
    return [
        {
            "branch": number,
            "child": child["name"],
            "chosen": chosen.get(number, 0),
            "share": chosen.get(number, 0) / total if total else None,
            **_earned(learnt.get(number)),
        }
        for number, child in enumerate(unit.get("children") or ())
    ]


def _unit(unit: Mapping[str, Any], predictor: str, traffic: GraphTraffic, states: States) -> Json:
    name = str(unit["name"])
    chosen, state = traffic.chosen(predictor, name), states.get((predictor, name), {})
    told = {"name": name, **calls_told(traffic.whole(predictor, name)), "state": state or None}
    if is_router(unit, chosen):
        told["branches"] = branches_of(unit, chosen, state)
    return told


def is_router(unit: Mapping[str, Any], chosen: Mapping[int, int]) -> bool:
    """Whether a unit routes, by its manifest or by what it did."""
    return bool(chosen) or unit.get("type") == "ROUTER" or unit.get("implementation") in _ROUTERS


def _learnt(state: State) -> list[Mapping[str, Any]]:
    found = state.get("branches") if "router" in state else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _earned(branch: Mapping[str, Any] | None) -> Json:
    try:
        rewards = float(branch["successes"]) + float(branch["failures"]) if branch else None
        reward = float(branch["value"]) if branch and rewards else None
    except (KeyError, TypeError, ValueError):
        rewards = reward = None
    return {"rewards": rewards, "reward": reward}
