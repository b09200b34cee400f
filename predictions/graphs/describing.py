"""What a deployment's graph takes and gives, by its units' own metadata, and whether it is ready."""

from __future__ import annotations

from typing import Any

import orjson

from predictions.errors import MicroserviceGarbageError, UnitMissingError, UnitNotReadyError
from predictions.graphs import flows
from predictions.graphs.deployed import Deployed
from predictions.graphs.nodes import Node
from predictions.graphs.walk import Walk
from predictions.graphs.walking import every
from predictions.protocols.base import Document
from predictions.transports.base import Answer


async def ask_unit(deployed: Deployed, name: str, kind: str, walk: Walk) -> Answer:
    """The answer of unit `name` to a GET for `kind`; UnitMissingError when the graph has no such unit."""
    return await find_unit(deployed, name).ask(kind, walk)


def find_unit(deployed: Deployed, name: str) -> Node:
    """The unit `name`; UnitMissingError when the graph has none that could be asked."""
    for predictor in deployed.predictors:
        for node in predictor.root.walk():
            if node.name == name and node.built_in is None:
                return node
    raise UnitMissingError(deployed.name, name)


def check_ready(deployed: Deployed) -> None:
    """Raises UnitNotReadyError for the first unit of a live predictor that has no replica."""
    for predictor in deployed.predictors:
        for node in predictor.root.walk():
            if node.needs_replica and not node.unit.endpoints:
                raise UnitNotReadyError(f"{deployed.name}/{node.name}")


async def describe_graph(deployed: Deployed, walk: Walk) -> Document:
    """Seldon Core's graph metadata of the first live predictor.

    Every unit is asked; what one fails with is the failure of the whole.
    """
    predictor = deployed.predictors[0]
    nodes = [node for node in predictor.root.walk() if node.needs_replica]
    told = await every([_metadata_of(deployed, node, walk) for node in nodes])
    models = {node.name: model for node, model in zip(nodes, told, strict=True)}
    inputs, outputs = _edges(predictor.root, models)
    return {"name": predictor.name, "models": models, "graphinputs": inputs, "graphoutputs": outputs}


async def _metadata_of(deployed: Deployed, node: Node, walk: Walk) -> Document:
    answer = await node.ask(flows.METADATA, walk)
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise MicroserviceGarbageError(f"{deployed.name}/{node.name}", "metadata that is not a JSON object")
    return found


def _edges(root: Node, models: dict[str, Document]) -> tuple[Any, Any]:
    """What comes in and what goes out, along the first child of every unit."""
    line = [root]
    while line[-1].children:
        line.append(line[-1].children[0])
    inputs: Any = []
    outputs: Any = []
    for node in reversed(line):
        own = models.get(node.name, {})
        is_leaf = not node.children
        if is_leaf or node.input_kind:
            inputs = own.get("inputs") or []
        if is_leaf or node.outputs or node.aggregates:
            outputs = own.get("outputs") or []
    return inputs, outputs
