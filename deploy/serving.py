"""What the data plane is told: the graphs of a manifest, and where each unit is ready."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from deploy.manifests import Manifest, Predictor, Unit
from deploy.manifests.names import explainer_name
from deploy.manifests.records import BUILT_IN, UNKNOWN_IMPLEMENTATION
from deploy.manifests.servers import protocol_of

Endpoints = Callable[[str, str], list[str]]
# What no image can be called: a class that the gateway's workers load themselves.
_CLASS: Final = re.compile(r"python:/[^#]*#[A-Za-z_][\w.]*")


def is_in_process(image: str) -> bool:
    """Whether a container is a class for the gateway's own workers, and no process."""
    return _CLASS.fullmatch(image) is not None


def skeleton_of(manifest: Manifest) -> dict[str, Any]:
    """The serving of a defaulted manifest, without endpoints."""
    return {
        "protocol": protocol_of(manifest.spec.protocol),
        "annotations": dict(manifest.metadata.annotations) | dict(manifest.spec.annotations),
        "predictors": [_with_explainer(manifest, each) for each in manifest.spec.predictors],
    }


def with_endpoints(skeleton: dict[str, Any], endpoints: Endpoints) -> dict[str, Any]:
    """The same with the endpoints of each unit, by the names of predictor and unit.

    A class for the gateway's own workers is its own endpoint.
    """
    filled = copy.deepcopy(skeleton)
    for predictor in filled["predictors"]:
        for unit in (*_walk(predictor["graph"]), predictor.get("explainer")):
            if unit is not None:
                image = unit.get("image", "")
                is_own = is_in_process(image)
                unit["endpoints"] = [image] if is_own else endpoints(predictor["name"], unit["name"])
    return filled


def _walk(graph: dict[str, Any]) -> Iterator[dict[str, Any]]:
    waiting = [graph]
    while waiting:
        unit = waiting.pop()
        yield unit
        waiting.extend(unit["children"])


def _with_explainer(manifest: Manifest, predictor: Predictor) -> dict[str, Any]:
    made = _predictor(predictor)
    if predictor.explainer and predictor.explainer.type:
        made["explainer"] = {"name": explainer_name(manifest, predictor), "endpoints": []}
    return made


def _predictor(predictor: Predictor) -> dict[str, Any]:
    return {
        "name": predictor.name,
        "traffic": predictor.traffic,
        "shadow": predictor.shadow,
        "version": predictor.labels.get("version", ""),
        "graph": _unit(predictor.graph, predictor),
    }


def _unit(unit: Unit, predictor: Predictor) -> dict[str, Any]:
    container = predictor.container(unit.name) or {}
    made: dict[str, Any] = {
        "name": unit.name,
        "type": unit.type,
        "implementation": unit.implementation if unit.implementation in BUILT_IN else UNKNOWN_IMPLEMENTATION,
        "methods": list(unit.methods),
        "parameters": [
            {"name": each.name, "value": each.value, "type": each.type} for each in unit.parameters
        ],
        "endpoints": [],
        "image": str(container.get("image") or ""),
        "children": [_unit(child, predictor) for child in unit.children],
    }
    if unit.logger:
        made["logger"] = {"mode": unit.logger.mode, "url": unit.logger.url}
    return made
