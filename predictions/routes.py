"""The lane's prediction routes, with what the OpenAPI document says of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from common.errors import InvalidInputError, InvalidJsonError, UnsupportedMediaError
from lane.dialects import SELDON_CORE, SELDON_SERVER
from lane.route import Docs, Endpoint, Parameter, Route
from predictions import errors
from predictions.endpoints import PredictionEndpoints
from predictions.gateway import Gateway
from predictions.gateway_dialect import GATEWAY
from predictions.graphs.endpoints import DeploymentEndpoints
from predictions.graphs.explaining import ExplainerEndpoints, explainer_routes
from predictions.graphs.open_endpoints import OpenEndpoints
from predictions.graphs.routes import deployment_routes, open_routes
from predictions.graphs.schemas import FEEDBACK_BODY, MESSAGE_FORMS, REFUSAL, SELDON_MESSAGE, Schema
from predictions.oauth_gateway import GatewayEndpoints

TAG: Final = "predictions"
GATEWAY_BASE: Final = "/api/v0.1"

_FEATURE: Final[Schema] = {"anyOf": [{"type": "number"}, {"type": "string"}]}
LEGACY_BODY: Final[Schema] = {
    "type": "object",
    "properties": {
        "meta": {"type": "object", "properties": {"puid": {"type": "string"}}},
        "data": {
            "description": "Features by name, or as a list.",
            "anyOf": [
                {"type": "object", "minProperties": 1, "additionalProperties": _FEATURE},
                {"type": "array", "minItems": 1, "items": _FEATURE},
            ],
        },
    },
}
LEGACY_ANSWER: Final[Schema] = {
    "type": "object",
    "required": ["meta", "predictions", "custom"],
    "properties": {
        "meta": {
            "type": "object",
            "required": ["puid", "modelName", "variation"],
            "properties": {
                "puid": {"type": "string"},
                "modelName": {"type": "string"},
                "variation": {"type": "string"},
            },
        },
        "predictions": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"prediction": {}, "predictedClass": {}, "confidence": {}},
            },
        },
        "custom": {},
    },
}
_JSON: Final = "application/json"
_CALLING: Final = (
    errors.MicroserviceDownError,
    errors.MicroserviceCutError,
    errors.MicroserviceGarbageError,
    errors.MicroserviceFailedError,
    errors.AnswerTooLargeError,
    errors.AnswersTooManyError,
    errors.MicroserviceSlowError,
    errors.MicroserviceBusyError,
    errors.MicroserviceRestingError,
    errors.ClientBusyError,
    errors.ModelRefusedError,
    errors.MessageError,
)
_GRAPH: Final = (
    errors.UnitNotReadyError,
    errors.UnitRefusedError,
    errors.InvalidRoutingError,
    errors.CombinerError,
)
_MISSING: Final = (
    errors.StrategyMissingError,
    errors.AnswererMissingError,
    errors.DeploymentMissingError,
)
# Path before /api, and who answers there.
_WHOM: Final = {
    "": "the client's strategy, or without one its default deployment",
    "/seldon/{client}/{name}": "a named deployment or microservice",
    "/seldon/{name}": "a named deployment or microservice of the token's client",
}
_READING: Final = (InvalidJsonError, InvalidInputError, UnsupportedMediaError)
_IN_QUERY: Final = Parameter("json", "The SeldonMessage, in place of a body.")
_PUID: Final = Parameter("puid", "Whom the prediction is for; equal puids get the same variation.")


def prediction_routes(gateway: Gateway, max_body_bytes: int = 16_777_216) -> list[Route]:
    """Every prediction route over `gateway`, with bodies up to `max_body_bytes`."""
    return [replace(route, max_body_bytes=max_body_bytes) for route in _routes(gateway)]


def _routes(gateway: Gateway) -> list[Route]:
    does, deployments = PredictionEndpoints(gateway), DeploymentEndpoints(gateway.graphs)
    return [
        Route("/predict", ("POST",), does.predict, SELDON_SERVER, "predict", _legacy_docs(), scope="predict"),
        Route(
            "/js/predict",
            ("GET", "POST"),
            does.js_predict,
            SELDON_SERVER,
            "js",
            _js_docs(),
            door="js",
            scope="js",
            is_jsonp=True,
        ),
        *(
            route
            for prefix, whom in _WHOM.items()
            for version in ("v1.0", "v0.1")
            for route in _core_routes(does, f"{prefix}/api/{version}", whom)
            if f"{prefix}/api/{version}" != GATEWAY_BASE
        ),
        *gateway_routes(does),
        *deployment_routes(deployments),
        *open_routes(OpenEndpoints(gateway.graphs, deployments)),
        *explainer_routes(ExplainerEndpoints(gateway.graphs)),
    ]


def _core_routes(does: PredictionEndpoints, base: str, whom: str) -> list[Route]:
    return [
        _core(f"{base}/predictions", does.predictions, _core_docs(whom)),
        _core(f"{base}/feedback", does.feedback, _feedback_docs(whom)),
    ]


def gateway_routes(does: PredictionEndpoints) -> list[Route]:
    """Where Seldon Core's OAuth gateway answered."""
    whom = f"the deployment of an oauth_key; else {_WHOM['']}"
    gateway = GatewayEndpoints(does)
    routes = (
        _core(f"{GATEWAY_BASE}/predictions", gateway.predictions, _core_docs(whom)),
        _core(f"{GATEWAY_BASE}/feedback", gateway.feedback, _feedback_docs(whom)),
    )
    return [replace(route, dialect=GATEWAY) for route in routes]


def _core(path: str, endpoint: Endpoint, docs: Docs) -> Route:
    return Route(path, ("POST",), endpoint, SELDON_CORE, "predict", docs, scope="predict", is_cors=True)


def _legacy_docs() -> Docs:
    return Docs(
        summary="Predict in Seldon Server's form, by the client's strategy",
        tag=TAG,
        parameters=(_PUID,),
        request={_JSON: LEGACY_BODY},
        answers={200: ("The predictions of the variation that was chosen", {_JSON: LEGACY_ANSWER})},
        errors=(*_READING, errors.StrategyMissingError, *_CALLING),
        examples={"request": {"data": {"f1": 1.0, "f2": 2.0}}},
    )


def _js_docs() -> Docs:
    return Docs(
        summary="Predict from a browser; parameters other than ours are the model's features",
        tag=TAG,
        parameters=(_PUID, Parameter("json", "The body as one parameter.")),
        answers={200: ("The predictions of the variation that was chosen", {_JSON: LEGACY_ANSWER})},
        errors=(*_READING, errors.StrategyMissingError, *_CALLING),
    )


def _core_docs(whom: str) -> Docs:
    return Docs(
        summary=f"Predict in Seldon Core's form: {whom}",
        tag=TAG,
        parameters=(_IN_QUERY,),
        request=MESSAGE_FORMS,
        answers={
            200: ("The model's message with `meta` filled", {_JSON: SELDON_MESSAGE}),
            400: (
                "The body cannot be used; or the model refused it, in its own words and by its own 4xx",
                {_JSON: REFUSAL},
            ),
        },
        errors=(*_READING, *_MISSING, *_CALLING, *_GRAPH),
        examples={"request": {"data": {"names": ["f1", "f2"], "ndarray": [[1.0, 2.0]]}}},
    )


def _feedback_docs(whom: str) -> Docs:
    return Docs(
        summary=f"Send feedback to who answered: {whom}",
        tag=TAG,
        request={_JSON: FEEDBACK_BODY},
        answers={200: ("What the microservice replied", {_JSON: SELDON_MESSAGE})},
        errors=(*_READING, errors.FeedbackUnroutableError, *_MISSING, *_CALLING, *_GRAPH),
    )
