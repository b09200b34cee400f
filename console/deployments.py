"""What the pages of deployments show: states with their moods, graphs, logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from console.graphs import MOST_UNITS, Node, draw_graph
from deploy.manifests import write_objects
from deploy.models import SeldonDeployment
from deploy.selectors import is_running, logs_of, read_log, summary_of

MOODS: Final = {"Available": "good", "Creating": "warn", "Failed": "bad"}
PROCESS_MOODS: Final = {"ready": "good", "starting": "warn", "draining": "", "crashing": "bad"}
_LOG_LINES: Final = 40

Units = Mapping[tuple[str, str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class PredictorView:
    """A predictor: its share of the traffic and its graph as a picture, or why there is none."""

    name: str
    traffic: int
    is_shadow: bool
    picture: str
    note: str


@dataclass(frozen=True, slots=True)
class LogView:
    """The end of one process's log."""

    title: str
    text: str


def list_rows(rows: Sequence[SeldonDeployment]) -> list[dict[str, Any]]:
    """One line each, with the mood of its state."""
    return [(found := summary_of(row)) | {"mood": MOODS.get(found["state"], "")} for row in rows]


def page_of_one(row: SeldonDeployment) -> dict[str, Any]:
    """Everything that changes while somebody looks."""
    units = {(unit["predictor"], unit["name"]): unit for unit in row.status.get("units") or ()}
    return {
        "deployment": row,
        "summary": list_rows([row])[0],
        "predictors": [_predictor(each, units) for each in row.manifest["spec"]["predictors"]],
        "units": [_unit(each) for each in units.values()],
        "is_running": is_running(),
        "logs": list(_logs(row)),
    }


def manifest_text(row: SeldonDeployment) -> str:
    """The manifest as YAML."""
    return write_objects([row.manifest])


def _logs(row: SeldonDeployment) -> Iterator[LogView]:
    for log in logs_of(row):
        lines, _ = read_log(log.path, _LOG_LINES)
        yield LogView(log.title, "\n".join(lines))


def _unit(unit: Mapping[str, Any]) -> dict[str, Any]:
    processes = [
        {**each, "mood": PROCESS_MOODS.get(each["state"], ""), "lines": "\n".join(each["last_lines"])}
        for each in unit["processes"]
    ]
    return {**unit, "processes": processes}


def _predictor(predictor: Mapping[str, Any], units: Units) -> PredictorView:
    name = str(predictor["name"])
    picture = draw_graph(_node(predictor["graph"], name, units), f"Graph of {name}")
    note = "" if picture else f"The graph has more than {MOST_UNITS} units, too many to draw."
    is_only = not predictor.get("traffic") and not predictor.get("shadow")
    traffic = int(predictor.get("traffic") or (100 if is_only or predictor.get("shadow") else 0))
    return PredictorView(name, traffic, bool(predictor.get("shadow")), picture, note)


def _node(unit: Mapping[str, Any], predictor: str, units: Units) -> Node:
    children = tuple(_node(child, predictor, units) for child in unit.get("children") or ())
    found = units.get((predictor, str(unit["name"])))
    implementation = str(unit.get("implementation") or "")
    kind = (
        implementation
        if implementation not in ("", "UNKNOWN_IMPLEMENTATION")
        else unit.get("type") or "MODEL"
    )
    if found is None:
        return Node(str(unit["name"]), str(kind), "", children)
    line = f"{kind} · {found['ready']}/{found['replicas']}"
    return Node(str(unit["name"]), line, _mood(found), children)


def _mood(unit: Mapping[str, Any]) -> str:
    if unit["problem"] or any(each["state"] == "crashing" for each in unit["processes"]):
        return "bad"
    return "good" if unit["ready"] >= unit["replicas"] else "warn"
