"""Seldon Server's gRPC `io.seldon.api.rpc.Seldon`: what `/predict` does, for callers of Classify."""

from __future__ import annotations

import orjson

from lane.reply import Reply
from lane.request import Request
from lane.route import Route
from microservice.protocol.classify import SERVICE
from predictions.bodies import puid_of
from predictions.endpoints import check_reaches_strategy
from predictions.errors import MessageError, MicroserviceGarbageError
from predictions.gateway import Gateway
from predictions.graphs.converting import off_loop
from predictions.grpc_calls import grpc_routes
from predictions.protocols import LEGACY
from predictions.protocols.base import object_in
from predictions.protocols.classify import reply_to_proto, request_to_document
from predictions.records import Ask


def classify_methods(gateway: Gateway, max_body_bytes: int = 16_777_216) -> list[Route]:
    """The service's one method, as a route."""
    return grpc_routes(SERVICE, {"Classify": ClassifyServicer(gateway).classify}, max_body_bytes)


class ClassifyServicer:
    """The method over one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def classify(self, request: Request) -> Reply:
        """The answer of the client's strategy; messages of the client's own are read by their types."""
        check_reaches_strategy(request)
        gateway, client = self._gateway, request.client
        types = gateway.types_of(client)
        document = await off_loop(len(request.body), request_to_document, request.body, types)
        request.puid = puid_of(request, object_in(document, "meta"))
        ask = Ask(client, LEGACY, orjson.dumps(document), document, request.puid)
        text = await gateway.predict(ask, gateway.plan_of(client))
        answer = await off_loop(len(text), orjson.loads, text)
        try:
            return Reply(await off_loop(len(text), reply_to_proto, answer, types))
        except MessageError as error:
            raise MicroserviceGarbageError(answer["meta"]["modelName"], error.message.rstrip(".")) from None
