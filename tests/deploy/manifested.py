"""Manifests for tests, short to write."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def container(name: str, image: str = "company/doubler:0.1", **fields: Any) -> Document:
    return {"name": name, "image": image, **fields}


def predictor(
    name: str = "main",
    *,
    graph: Document | None = None,
    containers: list[Document] | None = None,
    **fields: Any,
) -> Document:
    """A predictor; with one unit `classifier` and its container unless others are given."""
    made: Document = {"name": name, "graph": graph or {"name": "classifier", "type": "MODEL"}, **fields}
    if containers is None:
        containers = [container("classifier")]
    if containers:
        made["componentSpecs"] = [{"spec": {"containers": containers}}]
    return made


def manifest(*predictors: Document, name: str = "iris", namespace: str = "", **spec: Any) -> Document:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": metadata,
        "spec": {"predictors": list(predictors) or [predictor()], **spec},
    }
