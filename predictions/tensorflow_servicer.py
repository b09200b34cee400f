"""TensorFlow Serving's gRPC services, for deployments that speak it and whose units listen over gRPC."""

from __future__ import annotations

from typing import Any

from lane.reply import Reply
from lane.request import Request
from lane.route import Route
from microservice.protocol import serving_pb2 as pb
from predictions.bodies import puid_of
from predictions.errors import MessageError, ProtocolMismatchError
from predictions.gateway import Gateway
from predictions.graphs import flows
from predictions.graphs.describing import find_unit
from predictions.graphs.endpoints import DeploymentEndpoints, is_logged, trace_headers
from predictions.graphs.flows_tensorflow import MODELS, PREDICTIONS
from predictions.graphs.gateway import Asked
from predictions.graphs.open_endpoints import TENSORFLOW, OpenEndpoints
from predictions.graphs.tensorflow_message import TensorflowMessage
from predictions.graphs.walk import Walk
from predictions.graphs.wire import read_proto
from predictions.grpc_calls import grpc_routes


def tensorflow_methods(gateway: Gateway, max_body_bytes: int = 16_777_216) -> list[Route]:
    """The services' methods, as routes."""
    does = TensorflowServicer(gateway)
    predictions = {"Predict": does.predict, "GetModelMetadata": does.model_metadata}
    return [
        *grpc_routes(PREDICTIONS, predictions, max_body_bytes),
        *grpc_routes(MODELS, {"GetModelStatus": does.model_status}, max_body_bytes),
    ]


class TensorflowServicer:
    """The methods over one gateway; `model_spec.name` is the model as in the paths below /v1/models."""

    def __init__(self, gateway: Gateway) -> None:
        self._graphs = gateway.graphs
        self._open = OpenEndpoints(gateway.graphs, DeploymentEndpoints(gateway.graphs))

    async def predict(self, request: Request) -> Reply:
        """A prediction; tensors go through unread."""
        asked = read_proto(pb.PredictRequest, request.body)
        deployed, model = self._open.model_meant(request, asked.model_spec.name, "")
        if deployed.flow.name != TENSORFLOW:
            raise ProtocolMismatchError(deployed.name, deployed.flow.name)
        request.puid = puid_of(request, {})
        answer = await self._graphs.predict(
            Asked(
                request.client,
                deployed,
                TensorflowMessage(request.body),
                request.puid,
                trace_headers(request),
                model,
                is_logged(request),
            )
        )
        return Reply(await answer.wire())

    async def model_metadata(self, request: Request) -> Reply:
        """The signatures of the unit of that name, else of the root."""
        return await self._ask(request, pb.GetModelMetadataRequest, flows.METADATA)

    async def model_status(self, request: Request) -> Reply:
        """How the unit of that name does, else the root."""
        return await self._ask(request, pb.GetModelStatusRequest, flows.STATUS)

    async def _ask(self, request: Request, kind_of_message: Any, kind: str) -> Reply:
        asked = read_proto(kind_of_message, request.body)
        deployed, name = self._open.unit_meant(request, asked.model_spec.name, TENSORFLOW)
        unit = find_unit(deployed, name)
        if not unit.unit.is_grpc:
            raise MessageError(f"Unit {deployed.name}/{name} tells of itself in JSON: ask it over HTTP.")
        answer = await unit.ask_untold(kind, Walk(request.client, "", trace_headers(request)))
        return Reply(answer.body)
