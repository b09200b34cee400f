"""The lane's routes that only deployments have: metadata, status, documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from common.errors import InvalidInputError, InvalidJsonError
from lane.dialects import SELDON_CORE, V2, Dialect
from lane.route import Docs, Endpoint, Route
from predictions import errors
from predictions.graphs.endpoints import DeploymentEndpoints
from predictions.graphs.open_endpoints import OpenEndpoints
from predictions.graphs.schemas import Schema

TAG: Final = "deployments"
PREFIXES: Final = ("/seldon/{client}/{name}", "/seldon/{name}", "")
_JSON: Final = "application/json"
_ANY: Final[Schema] = {}
_DOCUMENT: Final = "The OpenAPI document of the deployment"
_ROW: Final = ("name", "version", "state", "reason")
_ASKING: Final = (
    errors.DeploymentMissingError,
    errors.ProtocolMismatchError,
    errors.UnitMissingError,
    errors.UnitNotReadyError,
    errors.UnitRefusedError,
    errors.MicroserviceDownError,
    errors.MicroserviceSlowError,
    errors.MicroserviceRestingError,
    errors.MicroserviceGarbageError,
)


def deployment_routes(does: DeploymentEndpoints) -> Iterator[Route]:
    """Every one of them, for each way to name a deployment; without a name it is the client's default."""
    for prefix in PREFIXES:
        for version in ("v1.0", "v0.1"):
            base = f"{prefix}/api/{version}"
            yield _get(f"{base}/metadata/{{node}}", does.unit_metadata, "A unit's metadata")
            yield _get(f"{base}/status/{{node}}", does.unit_status, "How a unit does, as it tells it")
            yield _page(f"{base}/doc/", does.page)
            yield _page(f"{base}/doc", does.page)
            yield _get(f"{base}/doc/seldon.json", does.document, _DOCUMENT)
        base = f"{prefix}/api/v1.0"
        yield _get(f"{base}/metadata", does.metadata, "Metadata of the whole graph")
        yield _get(f"{base}/status", does.status, "Whether every unit is ready")
        yield _get(f"{base}/health/status", does.status, "Whether every unit is ready")
        if prefix:
            yield _get(f"{prefix}/ready", does.status, "Whether every unit is ready")
            yield _get(f"{prefix}/live", does.live, "Whether the deployment is there")
        yield _page(f"{prefix}/v2/docs/", does.v2_page)
        yield _page(f"{prefix}/v2/docs", does.v2_page)
        yield _get(f"{prefix}/v2/docs/dataplane.json", does.document, _DOCUMENT)


def open_routes(does: OpenEndpoints) -> Iterator[Route]:
    """The routes of deployments that speak v2 or TensorFlow's interface."""
    for prefix in PREFIXES:
        yield _get(f"{prefix}/v2", does.server, "What answers here", dialect=V2)
        yield _index(f"{prefix}/v2/repository/index", does.index)
        models = f"{prefix}/v2/models"
        yield _post(f"{models}/{{model}}/infer", does.infer, "Infer by the Open Inference Protocol")
        yield _post(f"{models}/infer", does.infer, "Infer, each unit by its own name")
        yield _get(f"{models}/{{model}}/ready", does.ready, "Whether every unit is ready", dialect=V2)
        yield _get(f"{prefix}/v2/health/ready", does.ready, "Whether every unit is ready", dialect=V2)
        yield _get(f"{prefix}/v2/health/live", does.live, "Whether it is there at all", dialect=V2)
        yield _get(f"{models}/{{model}}", does.metadata, "A model's metadata", dialect=V2)
        version = f"{models}/{{model}}/versions/{{version}}"
        yield _post(f"{version}/infer", does.infer, "Infer by a version of a model")
        yield _get(f"{version}/ready", does.ready, "Whether every unit is ready, of that version", dialect=V2)
        yield _get(version, does.metadata, "A version's metadata", dialect=V2)
        models = f"{prefix}/v1/models"
        both = _post(
            f"{models}/{{model}}", does.model, "Predict by `<model>:predict`; with GET a model's status"
        )
        yield replace(both, methods=("GET", "POST"))
        yield _post(f"{models}/{{model}}/:predict", does.predict, "Predict by Seldon Core's own path")
        yield _post(f"{models}:predict", does.predict, "Predict, each unit by its own name")
        yield _get(f"{models}/{{model}}/metadata", does.tensorflow_metadata, "A model's metadata", dialect=V2)


def _page(path: str, endpoint: Endpoint) -> Route:
    summary = "A page to read and try a deployment, for who has a token; the same whatever it names"
    docs = Docs(summary, tag=TAG, answers={200: ("The page", {"text/html": {"type": "string"}})})
    return Route(path, ("GET",), endpoint, SELDON_CORE, "predict", docs, door="public")


def _get(
    path: str, endpoint: Endpoint, summary: str, kind: str = _JSON, dialect: Dialect = SELDON_CORE
) -> Route:
    answers: dict[int, tuple[str, dict[str, Any]]] = {200: (summary, {kind: _ANY})}
    docs = Docs(summary, tag=TAG, answers=answers, errors=_ASKING)
    return Route(path, ("GET",), endpoint, dialect, "predict", docs, scope="predict", is_cors=True)


def _post(path: str, endpoint: Endpoint, summary: str) -> Route:
    docs = Docs(
        summary,
        tag=TAG,
        request={_JSON: {"type": "object"}},
        answers={200: ("What the graph answers", {_JSON: {"type": "object"}})},
        errors=(InvalidJsonError, InvalidInputError, *_ASKING),
    )
    return Route(path, ("POST",), endpoint, V2, "predict", docs, scope="predict", is_cors=True)


def _index(path: str, endpoint: Endpoint) -> Route:
    row = {"type": "object", "properties": {key: {"type": "string"} for key in _ROW}, "required": list(_ROW)}
    docs = Docs(
        "What can be inferred: the client's deployments, or the units of the one that is named",
        tag=TAG,
        request={_JSON: {"type": "object", "properties": {"ready": {"type": "boolean"}}}},
        answers={200: ("Name and state of each", {_JSON: {"type": "array", "items": row}})},
        errors=(InvalidJsonError, InvalidInputError, *_ASKING),
    )
    return Route(path, ("POST",), endpoint, V2, "predict", docs, scope="predict", is_cors=True)
