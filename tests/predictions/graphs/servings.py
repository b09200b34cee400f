"""Servings as whoever runs units writes them, short enough for a test."""

from __future__ import annotations

from typing import Any


def unit(name: str, type_: str = "MODEL", *children: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """One unit; `endpoints` may be one address."""
    endpoints = fields.pop("endpoints", [])
    return {
        "name": name,
        "type": type_,
        "implementation": "UNKNOWN_IMPLEMENTATION",
        "methods": [],
        "parameters": [],
        "endpoints": [endpoints] if isinstance(endpoints, str) else endpoints,
        "image": "",
        "children": list(children),
        **fields,
    }


def predictor(
    graph: dict[str, Any], name: str = "main", traffic: float = 100, **fields: Any
) -> dict[str, Any]:
    return {"name": name, "traffic": traffic, "shadow": False, "graph": graph, **fields}


def serving(*predictors: dict[str, Any], protocol: str = "seldon", **annotations: str) -> dict[str, Any]:
    """`rest_timeout="500"` is the annotation seldon.io/rest-timeout."""
    named = {f"seldon.io/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {"protocol": protocol, "annotations": named, "predictors": list(predictors)}
