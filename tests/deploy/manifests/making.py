"""Manifests for tests, small enough to see what differs."""

from __future__ import annotations

from typing import Any

from deploy.manifests import Manifest, manifest_from


def container(name: str = "classifier", **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": f"company/{name}:0.1", **fields}


def predictor(name: str = "main", **fields: Any) -> dict[str, Any]:
    """A predictor of one unit with its container."""
    pod = {"spec": {"containers": [container()]}}
    return {"name": name, "graph": {"name": "classifier"}, "componentSpecs": [pod], **fields}


def document(*predictors: dict[str, Any], name: str = "iris", **spec: Any) -> dict[str, Any]:
    """A deployment of these predictors, or of one that nothing is wrong with."""
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": name},
        "spec": {"predictors": list(predictors or (predictor(),)), **spec},
    }


def manifest(*predictors: dict[str, Any], **spec: Any) -> Manifest:
    return manifest_from(document(*predictors, **spec))


def graph(unit: dict[str, Any], *containers: str, **fields: Any) -> dict[str, Any]:
    """A predictor with this graph and containers of these names."""
    pods = [{"spec": {"containers": [container(name) for name in containers]}}] if containers else []
    return predictor(graph=unit, componentSpecs=pods, **fields)
