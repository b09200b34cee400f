"""The lane's prediction endpoints: read, ask the gateway, reply."""

from __future__ import annotations

from lane.reply import Reply
from lane.request import Request
from predictions.bodies import puid_of, read_document, read_js_document
from predictions.errors import MicroserviceMissingError, ModelRefusedError, UnitRefusedError
from predictions.feedback import (
    check_feedback,
    deliver_feedback,
    deliver_graph_feedback,
    puid_of_feedback,
)
from predictions.gateway import Gateway
from predictions.graph import Plan
from predictions.graphs.deployed import Deployed
from predictions.graphs.endpoints import DeploymentEndpoints, refused, trace_headers
from predictions.graphs.gateway import Asked
from predictions.graphs.message import Message
from predictions.protocols import LEGACY, SELDON
from predictions.protocols.base import Document
from predictions.records import Ask


class PredictionEndpoints:
    """The endpoints over one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._deployments = DeploymentEndpoints(gateway.graphs)

    async def predict(self, request: Request) -> Reply:
        """`POST /predict`: Seldon Server's form in and out."""
        body, document = read_document(request)
        return await self._predict_legacy(request, Ask(request.client, LEGACY, body, document))

    async def js_predict(self, request: Request) -> Reply:
        """`/js/predict`: the same for a browser."""
        body, document = read_js_document(request)
        return await self._predict_legacy(request, Ask(request.client, LEGACY, body, document))

    async def predictions(self, request: Request) -> Reply:
        """SeldonMessage in and out, by whom the path names."""
        deployed = self._deployments.find(request) if self._names_one(request) else None
        if deployed is not None:
            return await self._deployments.predict(request, deployed)
        return await self._predict_seldon(request, self._plan(request))

    async def feedback(self, request: Request) -> Reply:
        """Feedback, back to whoever answered."""
        body, document = read_document(request)
        check_feedback(document)
        deployed = self._deployments.find(request) if self._names_one(request) else None
        if deployed is not None:
            return await self._deliver_to_graph(request, deployed, body, document)
        reply = await deliver_feedback(self._gateway, request.client, document, body, self._own_name(request))
        return Reply(reply)

    async def _deliver_to_graph(
        self, request: Request, deployed: Deployed, body: bytes, document: Document
    ) -> Reply:
        puid = puid_of_feedback(document) or puid_of(request, {})
        asked = Asked(request.client, deployed, Message(body), puid, trace_headers(request))
        try:
            return Reply(await deliver_graph_feedback(self._gateway, asked, document))
        except UnitRefusedError as error:
            return refused(error, puid)

    def _names_one(self, request: Request) -> bool:
        """Whether a deployment may be meant: one is named, or the client has no strategy of its own."""
        return "name" in request.params or not self._gateway.has_strategy(request.client)

    def _plan(self, request: Request) -> Plan:
        name = self._own_name(request)
        if name:
            return self._gateway.named_plan(request.client, name)
        return self._gateway.plan_of(request.client)

    async def _predict_legacy(self, request: Request, ask: Ask) -> Reply:
        ask.puid = puid_of(request, ask.meta)
        return Reply(await self._gateway.predict(ask, self._gateway.plan_of(ask.client)))

    async def _predict_seldon(self, request: Request, plan: Plan) -> Reply:
        body, document = read_document(request)
        ask = Ask(request.client, SELDON, body, document)
        ask.puid = puid_of(request, ask.meta)
        try:
            return Reply(await self._gateway.predict(ask, plan))
        except ModelRefusedError as error:
            if not error.body:
                raise
            # A component's own error reaches the caller as the component wrote it.
            return Reply(error.body, error.model_status)

    def _own_name(self, request: Request) -> str:
        """The microservice that the path names, empty for none; of another client it is not there."""
        name = request.params.get("name", "")
        owner = request.params.get("client", request.client)
        if owner != request.client:
            raise MicroserviceMissingError(owner, name)
        return name
