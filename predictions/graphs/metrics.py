"""The metric families of Seldon Core's engine, under their own names."""

from __future__ import annotations

from typing import Final

from common.metrics import Histogram

_PREDICTOR: Final = ("namespace", "deployment_name", "predictor_name", "predictor_version")
_CALL: Final = ("service", "method", "code")
_MODEL: Final = ("model_name", "model_image", "model_version")

SERVER_SECONDS: Final = Histogram(
    "seldon_api_executor_server_requests_seconds",
    "Time that a deployment takes to answer.",
    (*_PREDICTOR, *_CALL),
)
CLIENT_SECONDS: Final = Histogram(
    "seldon_api_executor_client_requests_seconds",
    "Time that a unit of a deployment takes to answer.",
    (*_PREDICTOR, *_MODEL, *_CALL),
)
