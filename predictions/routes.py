"""The lane's prediction routes, with what the OpenAPI document says of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from common.errors import InvalidInputError, InvalidJsonError, UnsupportedMediaError
from lane.dialects import SELDON_CORE, SELDON_SERVER
from lane.route import Docs, Endpoint, Parameter, Route
from predictions import errors
from predictions.endpoints import PredictionEndpoints
from predictions.gateway import Gateway

TAG: Final = "predictions"
Schema = dict[str, Any]

_NUMBERS: Final[Schema] = {"type": "array", "items": {}}
_FEATURE: Final[Schema] = {"anyOf": [{"type": "number"}, {"type": "string"}]}
_META: Final[Schema] = {
    "type": "object",
    "properties": {
        "puid": {"type": "string"},
        "tags": {"type": "object"},
        "routing": {"type": "object"},
        "requestPath": {"type": "object"},
        "metrics": {"type": "array", "items": {"type": "object"}},
    },
}
SELDON_MESSAGE: Final[Schema] = {
    "type": "object",
    "properties": {
        "meta": _META,
        "data": {
            "type": "object",
            "properties": {
                "names": {"type": "array", "items": {"type": "string"}},
                "ndarray": _NUMBERS,
                "tensor": {"type": "object", "properties": {"shape": _NUMBERS, "values": _NUMBERS}},
            },
        },
        "jsonData": {},
        "strData": {"type": "string"},
        "binData": {"type": "string", "description": "base64"},
    },
}
# A component writes its Status as it likes: Seldon Core's wrapper has the integer 1 for FAILURE.
REFUSAL: Final[Schema] = {"type": "object", "properties": {"status": {"type": "object"}}}
FEEDBACK_BODY: Final[Schema] = {
    "type": "object",
    "properties": {
        "request": SELDON_MESSAGE,
        "response": SELDON_MESSAGE,
        "reward": {"type": "number"},
        "truth": SELDON_MESSAGE,
    },
}
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
_READING: Final = (InvalidJsonError, InvalidInputError, UnsupportedMediaError)
_PUID: Final = Parameter("puid", "Whom the prediction is for; equal puids get the same variation.")


def prediction_routes(gateway: Gateway, max_body_bytes: int = 16_777_216) -> list[Route]:
    """Every prediction route over `gateway`, with bodies up to `max_body_bytes`."""
    return [replace(route, max_body_bytes=max_body_bytes) for route in _routes(gateway)]


def _routes(gateway: Gateway) -> list[Route]:
    does = PredictionEndpoints(gateway)
    named = "/seldon/{client}/{name}/api/v1.0"
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
        _core("/api/v1.0/predictions", does.predictions, _core_docs("by the client's strategy")),
        _core(f"{named}/predictions", does.named_predictions, _core_docs("by one named microservice")),
        _core("/api/v1.0/feedback", does.feedback, _feedback_docs("to the microservice that answered")),
        _core(f"{named}/feedback", does.named_feedback, _feedback_docs("to one named microservice")),
    ]


def _core(path: str, endpoint: Endpoint, docs: Docs) -> Route:
    return Route(path, ("POST",), endpoint, SELDON_CORE, "predict", docs, scope="predict")


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
        summary=f"Predict in Seldon Core's form, {whom}",
        tag=TAG,
        request={_JSON: SELDON_MESSAGE},
        answers={
            200: ("The model's message with `meta` filled", {_JSON: SELDON_MESSAGE}),
            400: (
                "The body cannot be used; or the model refused it, in its own words and by its own 4xx",
                {_JSON: REFUSAL},
            ),
        },
        errors=(*_READING, errors.StrategyMissingError, errors.MicroserviceMissingError, *_CALLING),
        examples={"request": {"data": {"names": ["f1", "f2"], "ndarray": [[1.0, 2.0]]}}},
    )


def _feedback_docs(whom: str) -> Docs:
    return Docs(
        summary=f"Send feedback {whom}",
        tag=TAG,
        request={_JSON: FEEDBACK_BODY},
        answers={200: ("What the microservice replied", {_JSON: SELDON_MESSAGE})},
        errors=(*_READING, errors.FeedbackUnroutableError, errors.MicroserviceMissingError, *_CALLING),
    )
