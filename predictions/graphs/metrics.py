"""The metric families of Seldon Core's engine, under their own names."""

from __future__ import annotations

from typing import Final

from common.metrics import Counter, Histogram

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
# Ours: which child a router chose.
ROUTES: Final = Counter(
    "seldon_graph_routes_total",
    "Calls that a router of a deployment gave to one of its children, by the child's number.",
    (*_PREDICTOR, "model_name", "branch"),
)
