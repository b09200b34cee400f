"""Figures of deployments for people: tiles, latency plots, what routers chose, what detectors saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from console.dashboards import error_words
from console.numbers import compact, duration, grouped, percent, three_digits
from console.plots import Plot, Series, Share
from console.records import Tile
from deploy.figures import branches_of, is_router, units_below
from deploy.unit_states import State, States
from predictions.graph_traffic import Calls, GraphTraffic

_COLOURS: Final = 7
_MOST_NUMBERS: Final = 8
# What the keys of detectors' states are called; others are shown as they are.
_NAMES: Final = {
    "observation": "rows seen",
    "nb_outliers": "outliers among them",
    "batches": "batches compared",
    "drifts": "drifts among them",
    "waiting": "rows that wait",
    "drift_batch_size": "rows of a batch",
    "is_drift": "drift",
    "distance": "distances",
    "p_val": "p-values",
}
_CLAIMS: Final = frozenset({"is_drift"})


@dataclass(frozen=True, slots=True)
class BranchView:
    """A child of a router: how often it was chosen, and what it earned."""

    name: str
    colour: str
    chosen: str
    share: str
    rewards: str
    reward: str


@dataclass(frozen=True, slots=True)
class RouterView:
    """A router with its children, and what it learns by, where it learns."""

    predictor: str
    name: str
    learns_by: str
    store: str
    problem: str
    branches: tuple[BranchView, ...]
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class StateView:
    """What a unit says of itself, as names and values."""

    predictor: str
    name: str
    title: str
    facts: tuple[tuple[str, str], ...]


def tiles_of(calls: Sequence[Calls], ready: str) -> tuple[Tile, ...]:
    """The figures of everything in `calls` together."""
    total = Calls()
    for each in calls:
        total.add([each.failed, *each.latency])
    return (
        Tile("Calls", compact(total.count), "in the last hour"),
        Tile("Error rate", *error_words(total.failed, total.count, "calls")),
        Tile("p50", _seconds(total, 0.5), "half are quicker"),
        Tile("p99", _seconds(total, 0.99), "99 of 100 are quicker"),
        Tile("Ready", ready, "processes"),
    )


def words_of_calls(calls: Calls) -> dict[str, str]:
    """Calls, failures and latency as a table's cells."""
    return {
        "calls": grouped(calls.count),
        "failed": grouped(calls.failed),
        "p50": _seconds(calls, 0.5),
        "p99": _seconds(calls, 0.99),
    }


def latency_plot(title: str, traffic: GraphTraffic, predictor: str, unit: str = "") -> Plot | None:
    """p99 and p50 by minute; None when nothing was asked."""
    minutes = traffic.by_minute(predictor, unit)
    if not any(each.count for each in minutes):
        return None
    series = tuple(
        Series(name, name, tuple(each.seconds(share) for each in minutes))
        for name, share in (("p99", 0.99), ("p50", 0.5))
    )
    return Plot(title, _words(traffic), series, duration)


def calls_plot(title: str, traffic: GraphTraffic, predictor: str, unit: str) -> Plot:
    """Calls by minute, those that failed and the others."""
    minutes = traffic.by_minute(predictor, unit)
    # The present minute is not over: it would look like a fall.
    over = minutes[:-1]
    good = Series("Answered", "predictions", (*(float(each.count - each.failed) for each in over), None))
    failed = Series("Failed", "errors", (*(float(each.failed) for each in over), None))
    return Plot(title, _words(traffic), (good, failed))


def routers_of(
    predictor: str, graph: Mapping[str, Any], traffic: GraphTraffic, states: States
) -> Iterator[RouterView]:
    """The routers of a graph."""
    for unit in units_below(graph):
        name = str(unit["name"])
        chosen = traffic.chosen(predictor, name)
        if unit.get("children") and is_router(unit, chosen):
            yield _router(predictor, unit, chosen, states.get((predictor, name), {}))


def state_views(states: States) -> list[StateView]:
    """What detectors, and others that are no routers, say of themselves."""
    return [
        StateView(predictor, name, str(state.get("detector") or "What it says of itself"), _facts(state))
        for (predictor, name), state in sorted(states.items())
        if "router" not in state
    ]


def _router(predictor: str, unit: Mapping[str, Any], chosen: Mapping[int, int], state: State) -> RouterView:
    told = branches_of(unit, chosen, state)
    colours = [f"share-{place % _COLOURS + 1}" for place in range(len(told))]
    branches = tuple(_branch(each, colour) for each, colour in zip(told, colours, strict=True))
    shares = tuple(
        Share(each["child"], colour, each["chosen"], each["share"])
        for each, colour in zip(told, colours, strict=True)
        if each["share"]
    )
    problem, store = str(state.get("problem") or ""), str(state.get("store") or "")
    return RouterView(
        predictor, str(unit["name"]), str(state.get("router") or ""), store, problem, branches, shares
    )


def _branch(told: Mapping[str, Any], colour: str) -> BranchView:
    return BranchView(
        name=str(told["child"]),
        colour=colour,
        chosen=grouped(told["chosen"]),
        share="–" if told["share"] is None else percent(told["share"]),
        rewards="–" if told["rewards"] is None else grouped(told["rewards"]),
        reward="–" if told["reward"] is None else f"{told['reward']:.3f}",
    )


def _facts(state: State) -> tuple[tuple[str, str], ...]:
    """Names and values, those of inner objects with the outer name before theirs."""
    found: list[tuple[str, str]] = []
    for key, value in state.items():
        if key == "detector":
            continue
        if isinstance(value, dict):
            outer = _plain(key).capitalize()
            found += [(f"{outer}: {_plain(inner)}", _told(inner, each)) for inner, each in value.items()]
        else:
            found.append((_plain(key).capitalize(), _told(key, value)))
    return tuple(found)


def _plain(key: str) -> str:
    return _NAMES.get(key, key.replace("_", " "))


def _told(key: str, value: Any) -> str:
    return _words_of(bool(value) if key in _CLAIMS else value)


def _words_of(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return grouped(value) if value == round(value) else three_digits(value)
    if isinstance(value, list):
        more = f" and {len(value) - _MOST_NUMBERS} more" if len(value) > _MOST_NUMBERS else ""
        return ", ".join(_words_of(each) for each in value[:_MOST_NUMBERS]) + more
    return "–" if value is None else str(value)[:200]


def _words(traffic: GraphTraffic) -> tuple[str, ...]:
    return tuple(f"{traffic.start + timedelta(minutes=index):%H:%M}" for index in range(traffic.minutes))


def _seconds(calls: Calls, share: float) -> str:
    seconds = calls.seconds(share)
    return "–" if seconds is None else duration(seconds)
