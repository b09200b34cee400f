"""The lane's prediction endpoints: read, ask the gateway, reply."""

from __future__ import annotations

from clients.errors import ScopeRefusedError
from lane.reply import Reply
from lane.request import Request
from predictions.bodies import parse_object, puid_of, read_document, read_js_document
from predictions.errors import AnswererMissingError, ModelRefusedError, UnitRefusedError
from predictions.feedback import (
    check_feedback,
    deliver_feedback,
    deliver_graph_feedback,
    puid_of_feedback,
)
from predictions.forms import read_form_body, read_message_body
from predictions.gateway import Gateway
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
        self.deployments = DeploymentEndpoints(gateway.graphs)

    async def predict(self, request: Request) -> Reply:
        """`POST /predict`: Seldon Server's form in and out."""
        check_reaches_strategy(request)
        body, document = read_document(request)
        return await self._predict_legacy(request, Ask(request.client, LEGACY, body, document))

    async def js_predict(self, request: Request) -> Reply:
        """`/js/predict`: the same for a browser."""
        body, document = read_js_document(request)
        return await self._predict_legacy(request, Ask(request.client, LEGACY, body, document))

    async def predictions(self, request: Request) -> Reply:
        """SeldonMessage in and out, by whom the path names."""
        deployed = self.deployed(request)
        if deployed is not None:
            return await self.deployments.predict(request, deployed)
        body = read_message_body(request)
        try:
            return Reply(await self.ask(request, body, parse_object(body)))
        except ModelRefusedError as error:
            if not error.body:
                raise
            # A component's own error reaches the caller as the component wrote it.
            return Reply(error.body, error.model_status)

    async def feedback(self, request: Request) -> Reply:
        """Feedback, back to whoever answered."""
        body = read_form_body(request)
        document = parse_object(body)
        try:
            return Reply(await self.deliver(request, body, document))
        except UnitRefusedError as error:
            return refused(error, puid_of_feedback(document))

    # -- the same for every door -------------------------------------------------------------------

    def deployed(self, request: Request) -> Deployed | None:
        """The deployment that is meant; None where a microservice or the client's strategy is.

        DeploymentMissingError for the key of a deployment that is not this one, or not there.
        """
        if request.caller.deployment:
            return self.deployments.get(request)
        if "name" in request.params or not self._gateway.has_strategy(request.client):
            return self.deployments.find(request)
        return None

    async def ask(self, request: Request, body: bytes, document: Document) -> bytes:
        """The answer of the microservice that is named, or of the client's strategy."""
        name = self._own_name(request)
        gateway, client = self._gateway, request.client
        plan = gateway.named_plan(client, name) if name else gateway.plan_of(client)
        ask = Ask(client, SELDON, body, document)
        request.puid = ask.puid = puid_of(request, ask.meta)
        return await gateway.predict(ask, plan)

    async def deliver(self, request: Request, body: bytes, document: Document) -> bytes:
        """The reply to a feedback, of whoever answered what it is about."""
        check_feedback(document)
        deployed = self.deployed(request)
        if deployed is None:
            name = self._own_name(request)
            return await deliver_feedback(self._gateway, request.client, document, body, name)
        puid = puid_of_feedback(document) or puid_of(request, {})
        asked = Asked(request.client, deployed, Message(body), puid, trace_headers(request))
        return await deliver_graph_feedback(self._gateway, asked, document)

    async def _predict_legacy(self, request: Request, ask: Ask) -> Reply:
        ask.puid = puid_of(request, ask.meta)
        return Reply(await self._gateway.predict(ask, self._gateway.plan_of(ask.client)))

    def _own_name(self, request: Request) -> str:
        """The microservice that the path names, empty for none; of another client it is not there."""
        name = request.params.get("name", "")
        owner = request.params.get("client", request.client)
        if owner != request.client:
            raise AnswererMissingError(owner, name)
        return name


def check_reaches_strategy(request: Request) -> None:
    """Raises ScopeRefusedError for the key of one deployment, which no strategy answers."""
    if request.caller.deployment:
        raise ScopeRefusedError("all")
