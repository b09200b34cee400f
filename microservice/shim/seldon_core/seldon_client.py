"""seldon_core.seldon_client: the client of deployments and components."""

from microservice.client.seldon_client import (
    SeldonClient,
    SeldonClientCombine,
    SeldonClientFeedback,
    SeldonClientPrediction,
)
from microservice.client.told import SeldonCallCredentials, SeldonChannelCredentials, SeldonClientException

__all__ = [
    "SeldonCallCredentials",
    "SeldonChannelCredentials",
    "SeldonClient",
    "SeldonClientCombine",
    "SeldonClientException",
    "SeldonClientFeedback",
    "SeldonClientPrediction",
]
