"""The gRPC service `inference.GRPCInferenceService`: what the doors at /v2 do, for deployments that speak v2.

A model's name is the deployment's; where metadata name the deployment, it is the model of every unit.
"""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import orjson
from google.protobuf import json_format

from common.errors import InvalidInputError, UnavailableError
from common.version import VERSION
from lane.reply import Reply
from lane.request import Request
from lane.route import Route
from microservice.protocol import inference_pb2 as pb
from microservice.protocol.infer import SERVICE, write_parameters
from predictions.bodies import puid_of
from predictions.errors import MicroserviceGarbageError, ProtocolMismatchError
from predictions.gateway import Gateway
from predictions.graphs import flows
from predictions.graphs.converting import off_loop
from predictions.graphs.endpoints import DeploymentEndpoints, is_logged, trace_headers
from predictions.graphs.gateway import Asked
from predictions.graphs.infer_message import InferMessage
from predictions.graphs.open_endpoints import V2, OpenEndpoints
from predictions.graphs.wire import read_proto
from predictions.grpc_calls import grpc_routes


def inference_methods(gateway: Gateway, max_body_bytes: int = 16_777_216) -> list[Route]:
    """The service's methods, as routes."""
    does = InferenceServicer(gateway)
    endpoints = {
        "ServerLive": does.server_live,
        "ServerReady": does.server_ready,
        "ServerMetadata": does.server_metadata,
        "ModelReady": does.model_ready,
        "ModelMetadata": does.model_metadata,
        "ModelInfer": does.model_infer,
        "RepositoryIndex": does.repository_index,
    }
    return grpc_routes(SERVICE, endpoints, max_body_bytes)


class InferenceServicer:
    """The methods over one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._graphs = gateway.graphs
        self._open = OpenEndpoints(gateway.graphs, DeploymentEndpoints(gateway.graphs))

    async def server_live(self, request: Request) -> Reply:
        """A deployment that is named is there; without a name the server answers."""
        read_proto(pb.ServerLiveRequest, request.body)
        self._open.check_live(request)
        return _written(pb.ServerLiveResponse(live=True))

    async def server_ready(self, request: Request) -> Reply:
        """Whether every unit of the deployment that is meant has a replica."""
        read_proto(pb.ServerReadyRequest, request.body)
        return _written(pb.ServerReadyResponse(ready=self._is_ready(request, "")))

    async def server_metadata(self, request: Request) -> Reply:
        """Name and version, of a deployment that is named its own name."""
        read_proto(pb.ServerMetadataRequest, request.body)
        name = self._open.server_name(request)
        return _written(pb.ServerMetadataResponse(name=name, version=VERSION))

    async def model_ready(self, request: Request) -> Reply:
        """The same as `server_ready`, of the model that is named."""
        asked = read_proto(pb.ModelReadyRequest, request.body)
        if asked.version:
            await self._open.check_version(request, asked.name, asked.version)
        return _written(pb.ModelReadyResponse(ready=self._is_ready(request, asked.name)))

    async def model_metadata(self, request: Request) -> Reply:
        """What the unit of that name tells of itself, else the root."""
        asked = read_proto(pb.ModelMetadataRequest, request.body)
        if asked.version:
            await self._open.check_version(request, asked.name, asked.version)
        unit, answer = await self._open.ask_model(request, asked.name, flows.METADATA, V2)
        return _written(_metadata(unit, answer.body))

    async def model_infer(self, request: Request) -> Reply:
        """A prediction; the answer has raw contents where the request has."""
        asked = _parsed(request.body)
        deployed, model = self._open.model_meant(request, asked.model_name, asked.model_version)
        if deployed.flow.name != V2:
            raise ProtocolMismatchError(deployed.name, deployed.flow.name)
        request.puid = puid_of(request, {})
        answer = await self._graphs.predict(
            Asked(
                request.client,
                deployed,
                InferMessage(None, request.body),
                request.puid,
                trace_headers(request),
                model,
                is_logged(request),
            )
        )
        found, is_raw = cast("InferMessage", answer), bool(asked.raw_input_contents)
        return Reply(await off_loop(found.size, partial(found.answer, is_raw=is_raw)))

    async def repository_index(self, request: Request) -> Reply:
        """The caller's deployments that speak v2, or the units of the one that is named."""
        asked = read_proto(pb.RepositoryIndexRequest, request.body)
        answer = pb.RepositoryIndexResponse()
        for row in self._open.rows(request, is_ready_only=asked.ready):
            answer.models.add(**row)
        return _written(answer)

    def _is_ready(self, request: Request, model: str) -> bool:
        try:
            self._open.check_ready(request, model)
        except UnavailableError:
            return False
        return True


def _parsed(raw: bytes) -> pb.ModelInferRequest:
    asked: pb.ModelInferRequest = read_proto(pb.ModelInferRequest, raw)
    if not asked.inputs:
        raise InvalidInputError("The request has no inputs.")
    given, needed = len(asked.raw_input_contents), len(asked.inputs)
    if given not in (0, needed):
        raise InvalidInputError(
            f"raw_input_contents has {given} entries for {needed} inputs; each needs one."
        )
    twice = next((each.name for each in asked.inputs if given and each.HasField("contents")), None)
    if twice is not None:
        raise InvalidInputError(f"Tensor {twice}: send raw_input_contents or contents, not both.")
    return asked


def _metadata(unit: str, body: bytes) -> pb.ModelMetadataResponse:
    """What a unit tells of itself in JSON, whichever way it was asked."""
    try:
        document = orjson.loads(body)
        message = pb.ModelMetadataResponse()
        for key in ("inputs", "outputs"):
            for tensor in document.get(key) or ():
                write_parameters(tensor.pop("parameters", None) or {}, getattr(message, key).add().parameters)
        write_parameters(document.pop("parameters", None) or {}, message.parameters)
        heads = {key: document.pop(key, None) or [] for key in ("inputs", "outputs")}
        for key, tensors in heads.items():
            for tensor, target in zip(tensors, getattr(message, key), strict=True):
                json_format.ParseDict(tensor, target, ignore_unknown_fields=True)
        json_format.ParseDict(document, message, ignore_unknown_fields=True)
    except (ValueError, AttributeError, TypeError, json_format.ParseError) as error:
        raise MicroserviceGarbageError(unit, f"metadata that cannot be read ({error})") from None
    return message


def _written(message: Any) -> Reply:
    return Reply(message.SerializeToString())
