"""What the pages of deployments show: states with their moods, graphs, figures, logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.core.cache import cache
from django.urls import reverse

from common.errors import SeldonError
from console.deployment_figures import (
    RouterView,
    latency_plot,
    routers_of,
    state_views,
    tiles_of,
    words_of_calls,
)
from console.graphs import MOST_UNITS, Node, draw_graph
from console.numbers import percent
from console.plots import Plot, Share, shares_of
from deploy.figures import branches_of, is_router, traffic_of, units_below
from deploy.logs import logs_of
from deploy.manifests import write_objects
from deploy.manifests.records import BUILT_IN
from deploy.models import SeldonDeployment
from deploy.selectors import is_running, kind_of, summary_of
from deploy.unit_states import States, ask_states
from predictions.graph_traffic import GraphTraffic

MOODS: Final = {"Available": "good", "Creating": "warn", "Failed": "bad"}
PROCESS_MOODS: Final = {"ready": "good", "starting": "warn", "draining": "", "crashing": "bad"}
LOG_LINES: Final = 40
# More logs than these are on the pages of their units.
MOST_LOGS: Final = 4
# Of larger graphs the first ones; a page of a thousand rows, every two seconds, helps nobody.
MOST_ROWS: Final = 100
# Ten people who look ask the units as often as one.
_STATES_KEPT_SECONDS: Final = 2

Units = Mapping[tuple[str, str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class PredictorView:
    """A predictor: its share of the traffic and its graph as a picture, or why there is none."""

    name: str
    traffic: int
    is_shadow: bool
    picture: str
    note: str
    latency: Plot | None


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A line of the table of units."""

    predictor: str
    name: str
    kind: str
    ready: str
    mood: str
    is_built_in: bool
    href: str
    figures: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LogView:
    """The end of one process's log."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a deployment now."""

    row: SeldonDeployment
    units: Units
    traffic: GraphTraffic
    states: States


def see(row: SeldonDeployment) -> Seen:
    """Its units' processes, traffic and states."""
    units = {(unit["predictor"], unit["name"]): unit for unit in row.status.get("units") or ()}
    key = f"console:states:{row.pk}"
    states = cache.get_or_set(key, lambda: ask_states(units.values()), _STATES_KEPT_SECONDS)
    return Seen(row, units, traffic_of(row), states or {})


def list_rows(rows: Sequence[SeldonDeployment]) -> list[dict[str, Any]]:
    """One line each, with the mood of its state."""
    return [(found := summary_of(row)) | {"mood": MOODS.get(found["state"], "")} for row in rows]


def page_of_one(row: SeldonDeployment) -> dict[str, Any]:
    """Everything that changes while somebody looks."""
    seen = see(row)
    predictors = row.manifest["spec"]["predictors"]
    live = [str(each["name"]) for each in predictors if not each.get("shadow")]
    summary = list_rows([row])[0]
    units = [(unit, str(each["name"])) for each in predictors for unit in units_below(each["graph"])]
    processes = list(seen.units.values())
    routers = [each for predictor in predictors for each in _routers(predictor, seen)]
    return {
        "deployment": row,
        "client": row.client,
        "summary": summary,
        "tiles": tiles_of([seen.traffic.whole(name) for name in live], summary["ready"]),
        "has_figures": bool(seen.traffic.calls or seen.states or routers or len(predictors) > 1),
        "predictors": [_predictor(each, seen) for each in predictors],
        "shares": _shares(live, seen.traffic),
        "rows": [unit_row(unit, predictor, seen) for unit, predictor in units[:MOST_ROWS]],
        "more_rows": len(units[MOST_ROWS:]),
        "routers": routers,
        "states": state_views(seen.states),
        "units": [processes_of(each) for each in processes[:MOST_ROWS]],
        "more_processes": len(processes[MOST_ROWS:]),
        "is_running": is_running(),
        **logs_on_page(row),
    }


def manifest_text(row: SeldonDeployment) -> str:
    """The manifest as YAML."""
    return write_objects([row.manifest])


def replicas_of(row: SeldonDeployment) -> int:
    """What a form that scales everything begins with: the most that a container has now."""
    told = [int(unit["replicas"]) for unit in row.status.get("units") or ()]
    return max(told, default=int(row.manifest["spec"].get("replicas") or 1))


def logs_on_page(row: SeldonDeployment, predictor: str = "", unit: str = "") -> dict[str, Any]:
    """The ends of the first logs, and how many more there are; why, when they cannot be read."""
    try:
        found = logs_of(row, predictor, unit)
        views = [LogView(log.title, "\n".join(log.tail(LOG_LINES).lines)) for log in found[:MOST_LOGS]]
    except SeldonError as error:
        # The page has more to tell than logs.
        return {"logs": [LogView("logs", error.message)], "more_logs": 0}
    return {"logs": views, "more_logs": len(found[MOST_LOGS:])}


def processes_of(unit: Mapping[str, Any]) -> dict[str, Any]:
    """A unit of the status, its processes with their moods."""
    processes = [
        {**each, "mood": PROCESS_MOODS.get(each["state"], ""), "lines": "\n".join(each["last_lines"])}
        for each in unit["processes"]
    ]
    return {**unit, "processes": processes}


def unit_href(row: SeldonDeployment, predictor: str, unit: str) -> str:
    """Where a unit has its page."""
    return reverse("admin:client_deployment_unit", args=(row.client.name, row.name, predictor, unit))


def unit_row(unit: Mapping[str, Any], predictor: str, seen: Seen) -> UnitRow:
    """A unit of the manifest as a line of a table."""
    name = str(unit["name"])
    found = seen.units.get((predictor, name))
    ready = f"{found['ready']}/{found['replicas']}" if found else ""
    mood = _mood(found) if found else ""
    kind, href = kind_of(unit), unit_href(seen.row, predictor, name)
    figures = words_of_calls(seen.traffic.whole(predictor, name))
    return UnitRow(predictor, name, kind, ready, mood, kind in BUILT_IN, href, figures)


def _shares(live: Sequence[str], traffic: GraphTraffic) -> tuple[Share, ...]:
    if len(live) < 2:
        return ()
    return shares_of([(name, count) for name in live if (count := traffic.whole(name).count)])


def _routers(predictor: Mapping[str, Any], seen: Seen) -> Iterator[RouterView]:
    name = str(predictor["name"])
    yield from routers_of(name, predictor["graph"], seen.traffic, seen.states)


def _predictor(predictor: Mapping[str, Any], seen: Seen) -> PredictorView:
    name = str(predictor["name"])
    picture = draw_graph(_node(predictor["graph"], name, seen), f"Graph of {name}")
    note = "" if picture else f"The graph has more than {MOST_UNITS} units, too many to draw."
    is_shadow = bool(predictor.get("shadow"))
    is_only = not predictor.get("traffic") and not is_shadow
    traffic = int(predictor.get("traffic") or (100 if is_only or is_shadow else 0))
    plot = latency_plot(f"Latency of {name}", seen.traffic, name)
    return PredictorView(name, traffic, is_shadow, picture, note, plot)


def _node(unit: Mapping[str, Any], predictor: str, seen: Seen, edge: str = "") -> Node:
    name = str(unit["name"])
    shares = _shares_below(unit, predictor, seen)
    children = tuple(
        _node(child, predictor, seen, shares.get(place, ""))
        for place, child in enumerate(unit.get("children") or ())
    )
    found = seen.units.get((predictor, name))
    line = kind_of(unit) + (f" · {found['ready']}/{found['replicas']}" if found else "")
    href = unit_href(seen.row, predictor, name)
    return Node(name, line, _mood(found) if found else "", children, href, edge)


def _shares_below(unit: Mapping[str, Any], predictor: str, seen: Seen) -> dict[int, str]:
    """What a router gave to each of its children, in percent."""
    chosen = seen.traffic.chosen(predictor, str(unit["name"]))
    if not is_router(unit, chosen):
        return {}
    told = branches_of(unit, chosen, {})
    return {each["branch"]: percent(each["share"]) for each in told if each["share"] is not None}


def _mood(unit: Mapping[str, Any]) -> str:
    if unit["problem"] or any(each["state"] == "crashing" for each in unit["processes"]):
        return "bad"
    return "good" if unit["ready"] >= unit["replicas"] else "warn"
