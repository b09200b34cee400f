"""seldon_core.user_model: the base class, its answer, its exception, and the functions that ask one hook."""

from microservice.asking import (
    client_aggregate,
    client_class_names,
    client_custom_metrics,
    client_custom_tags,
    client_feature_names,
    client_health_status,
    client_predict,
    client_route,
    client_send_feedback,
    client_transform_input,
    client_transform_output,
)
from microservice.errors import SeldonNotImplementedError
from microservice.protocol.errors import MicroserviceError as SeldonMicroserviceException
from microservice.user_model import SeldonComponent, SeldonResponse

__all__ = [
    "SeldonComponent",
    "SeldonMicroserviceException",
    "SeldonNotImplementedError",
    "SeldonResponse",
    "client_aggregate",
    "client_class_names",
    "client_custom_metrics",
    "client_custom_tags",
    "client_feature_names",
    "client_health_status",
    "client_predict",
    "client_route",
    "client_send_feedback",
    "client_transform_input",
    "client_transform_output",
]
