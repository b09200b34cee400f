"""What a deployment says of itself to tools: an OpenAPI document of its own, by its protocol."""

from __future__ import annotations

from typing import Any, Final

from predictions.graphs.deployed import Deployed, LivePredictor
from predictions.graphs.schemas import FEEDBACK_BODY, MESSAGE_FORMS, SELDON_MESSAGE, Schema

_JSON: Final = "application/json"
_OBJECT: Final[Schema] = {"type": "object"}
_ROW: Final = {"data": {"names": ["f1", "f2"], "ndarray": [[1.0, 2.0]]}}
_REWARD: Final = {"request": _ROW, "response": {"meta": {"routing": {}}}, "reward": 1.0}
_TENSOR: Final = {"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1.0, 2.0]}
_INSTANCES: Final = {"instances": [[1.0, 2.0]]}


def deployment_document(client: str, deployed: Deployed) -> dict[str, Any]:
    """The OpenAPI document of one deployment's public paths."""
    root = deployed.predictors[0].root.name
    makers = {"seldon": _seldon_paths, "v2": _v2_paths, "tensorflow": _tensorflow_paths}
    base = f"/seldon/{client}/{deployed.name}"
    paths = {f"{base}{path}": found for path, found in makers[deployed.flow.name](root).items()}
    return {
        "openapi": "3.0.0",
        "info": {
            "title": "Seldon External API",
            "version": "1.0",
            "description": f"Deployment **{client}/{deployed.name}**\n\n{_predictors_of(deployed)}",
        },
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }


def _predictors_of(deployed: Deployed) -> str:
    """A table of the predictors, in Markdown."""
    is_alone = len(deployed.predictors) == 1
    rows = [_row_of(each, 100.0 if is_alone else each.predictor.traffic) for each in deployed.predictors]
    rows += [_row_of(each, each.predictor.traffic, " (shadow)") for each in deployed.shadows]
    return "\n".join(["| predictor | traffic | units |", "|---|---|---|", *rows])


def _row_of(each: LivePredictor, traffic: float, kind: str = "") -> str:
    return f"| {each.name}{kind} | {traffic:g} % | {', '.join(node.name for node in each.root.walk())} |"


def _seldon_paths(root: str) -> dict[str, Any]:
    api = "/api/v1.0"
    return {
        f"{api}/predictions": _posted("Predict", MESSAGE_FORMS, SELDON_MESSAGE, _ROW),
        f"{api}/feedback": _feedback(SELDON_MESSAGE),
        f"{api}/metadata": _told("Metadata of the whole graph"),
        f"{api}/metadata/{root}": _told(f"Metadata of {root}"),
        f"{api}/health/status": _told("Whether every unit is ready"),
    }


def _v2_paths(root: str) -> dict[str, Any]:
    model = f"/v2/models/{root}"
    return {
        f"{model}/infer": _posted("Infer", {_JSON: _OBJECT}, _OBJECT, {"inputs": [_TENSOR]}),
        model: _told(f"Metadata of {root}"),
        f"{model}/ready": _told("Whether every unit is ready"),
        "/v2": _told("Name and version"),
        "/api/v1.0/feedback": _feedback(_OBJECT),
    }


def _tensorflow_paths(root: str) -> dict[str, Any]:
    model = f"/v1/models/{root}"
    return {
        f"{model}:predict": _posted("Predict", {_JSON: _OBJECT}, _OBJECT, _INSTANCES),
        model: _told(f"How {root} does"),
        f"{model}/metadata": _told(f"Metadata of {root}"),
        "/api/v1.0/feedback": _feedback(_OBJECT),
    }


def _feedback(answer: Schema) -> dict[str, Any]:
    return _posted("Send feedback", {_JSON: FEEDBACK_BODY}, answer, _REWARD)


def _posted(summary: str, forms: dict[str, Schema], answer: Schema, example: Any) -> dict[str, Any]:
    content: dict[str, Any] = {kind: {"schema": schema} for kind, schema in forms.items()}
    content[_JSON]["example"] = example
    operation = _operation(summary, answer)
    return {"post": operation | {"requestBody": {"required": True, "content": content}}}


def _told(summary: str) -> dict[str, Any]:
    return {"get": _operation(summary, {})}


def _operation(summary: str, answer: Schema) -> dict[str, Any]:
    answers = {
        "200": {"description": "What is answered", "content": {_JSON: {"schema": answer}}},
        "default": {"description": "Why there is no answer", "content": {_JSON: {"schema": {}}}},
    }
    return {"summary": summary, "responses": answers}
