"""What the page of one unit of a deployment shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.deployment_figures import calls_plot, latency_plot, routers_of, state_views, tiles_of
from console.deployments import logs_on_page, processes_of, see, unit_row
from deploy.figures import units_below
from deploy.models import SeldonDeployment
from deploy.selectors import is_running
from predictions.errors import UnitMissingError


def page_of_unit(row: SeldonDeployment, predictor: str, name: str) -> dict[str, Any]:
    """Everything of a unit that changes while somebody looks; UnitMissingError when there is none."""
    unit = find_unit(row, predictor, name)
    seen = see(row)
    line = unit_row(unit, predictor, seen)
    found = seen.units.get((predictor, name))
    state = seen.states.get((predictor, name))
    mine = {(predictor, name): state} if state else {}
    alone = {**unit, "children": [{**each, "children": []} for each in unit.get("children") or ()]}
    return {
        "deployment": row,
        "client": row.client,
        "row": line,
        "image": found["image"] if found else "",
        "parameters": unit.get("parameters") or (),
        "model_uri": unit.get("modelUri") or "",
        "tiles": tiles_of([seen.traffic.whole(predictor, name)], line.ready or "–"),
        "latency": latency_plot("Latency", seen.traffic, predictor, name),
        "calls": calls_plot("Calls per minute", seen.traffic, predictor, name),
        "routers": [each for each in routers_of(predictor, alone, seen.traffic, mine) if each.name == name],
        "states": state_views(mine),
        "units": [processes_of(found)] if found else [],
        "is_running": is_running(),
        **logs_on_page(row, predictor, name),
    }


def find_unit(row: SeldonDeployment, predictor: str, name: str) -> Mapping[str, Any]:
    """The unit of a manifest; UnitMissingError when the predictor has none of that name."""
    for each in row.manifest["spec"]["predictors"]:
        if each["name"] == predictor:
            for unit in units_below(each["graph"]):
                if unit["name"] == name:
                    return unit
    raise UnitMissingError(row.name, f"{predictor}/{name}")
