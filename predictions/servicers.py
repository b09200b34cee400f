"""The gRPC service `seldon.protos.Seldon`: the same deployments, records and errors as over HTTP.

Messages stay bytes as far as nobody looks into them.
"""

from __future__ import annotations

from typing import Any, Final

import orjson
from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty

from lane.reply import Reply
from lane.request import Request
from lane.route import Route
from microservice.protocol import prediction_pb2 as pb
from predictions.bodies import puid_of
from predictions.endpoints import PredictionEndpoints
from predictions.errors import MessageError, MicroserviceGarbageError, ProtocolMismatchError
from predictions.gateway import Gateway
from predictions.graphs import flows, proto
from predictions.graphs.converting import off_loop
from predictions.graphs.describing import ask_unit, describe_graph
from predictions.graphs.endpoints import is_logged, trace_headers
from predictions.graphs.gateway import Asked
from predictions.graphs.message import read_proto_message
from predictions.graphs.telling import tell
from predictions.graphs.walk import Walk
from predictions.graphs.wire import read_proto
from predictions.grpc_calls import grpc_routes
from predictions.protocols.base import object_in

SERVICE: Final = "seldon.protos.Seldon"


def seldon_methods(gateway: Gateway, max_body_bytes: int = 16_777_216) -> list[Route]:
    """The service's methods, as routes."""
    does = SeldonServicer(gateway)
    endpoints = {
        "Predict": does.predict,
        "SendFeedback": does.send_feedback,
        "ModelMetadata": does.model_metadata,
        "GraphMetadata": does.graph_metadata,
    }
    return grpc_routes(SERVICE, endpoints, max_body_bytes)


class SeldonServicer:
    """The methods over one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._graphs = gateway.graphs
        self._endpoints = PredictionEndpoints(gateway)

    async def predict(self, request: Request) -> Reply:
        """SeldonMessage in and out, by whom the metadata name."""
        message = await off_loop(len(request.body), read_proto_message, request.body)
        deployed = self._endpoints.deployed(request)
        if deployed is None:
            body = await off_loop(message.weight_as_json, message.exact, "the microservice")
            document = await off_loop(len(body), orjson.loads, body)
            said = await self._endpoints.ask(request, body, document)
            return await off_loop(len(said), _answered, said)
        if deployed.flow.name != "seldon":
            raise ProtocolMismatchError(deployed.name, deployed.flow.name)
        request.puid = puid_of(request, message.meta)
        headers = trace_headers(request)
        asked = Asked(request.client, deployed, message, request.puid, headers, is_logged=is_logged(request))
        answer = await self._graphs.predict(asked)
        return Reply(await answer.wire())

    async def send_feedback(self, request: Request) -> Reply:
        """Feedback, back to whoever answered."""
        document, body = await off_loop(len(request.body), _read_feedback, request.body)
        answer = await self._endpoints.deliver(request, body, document)
        return Reply(await off_loop(len(answer), proto.to_proto, answer))

    async def model_metadata(self, request: Request) -> Reply:
        """What one unit tells of itself, the root where none is named."""
        deployed = self._endpoints.deployments.get(request)
        asked = read_proto(pb.SeldonModelMetadataRequest, request.body)
        name = asked.name or deployed.predictors[0].root.name
        answer = await ask_unit(deployed, name, flows.METADATA, _walk(request))
        return _said(orjson.loads(answer.body), pb.SeldonModelMetadata())

    async def graph_metadata(self, request: Request) -> Reply:
        """What the whole graph takes and gives."""
        read_proto(Empty, request.body)
        found = await describe_graph(self._endpoints.deployments.get(request), _walk(request))
        renamed = {"graphinputs": "inputs", "graphoutputs": "outputs"}
        return _said({renamed.get(key, key): value for key, value in found.items()}, pb.SeldonGraphMetadata())


def _read_feedback(raw: bytes) -> tuple[dict[str, Any], bytes]:
    document = proto.feedback_to_json(proto.parse_feedback(raw))
    body, lost = tell(document)
    if lost:
        raise MessageError(f"The number at {lost} is NaN or infinite; feedback is told as JSON, without.")
    return document, body


def _answered(body: bytes) -> Reply:
    """What a strategy answers; the fault is the microservice's where protobuf cannot say it."""
    try:
        return Reply(proto.to_proto(body))
    except MessageError as error:
        answerers = object_in(object_in(orjson.loads(body), "meta"), "requestPath")
        name = ", ".join(answerers) or "of the strategy"
        raise MicroserviceGarbageError(name, error.message.rstrip(".")) from None


def _walk(request: Request) -> Walk:
    return Walk(request.client, "", trace_headers(request))


def _said(document: dict[str, Any], message: Any) -> Reply:
    json_format.ParseDict(document, message, ignore_unknown_fields=True)
    return Reply(message.SerializeToString())
