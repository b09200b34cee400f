"""The lane's prediction endpoints: read, ask the gateway, reply."""

from __future__ import annotations

from lane.reply import Reply
from lane.request import Request
from predictions.bodies import puid_of, read_document, read_js_document
from predictions.errors import MicroserviceMissingError, ModelRefusedError
from predictions.feedback import check_feedback, deliver_feedback
from predictions.gateway import Gateway
from predictions.graph import Plan
from predictions.protocols import LEGACY, SELDON
from predictions.records import Ask


class PredictionEndpoints:
    """The endpoints over one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def predict(self, request: Request) -> Reply:
        """`POST /predict`: Seldon Server's form in and out."""
        body, document = read_document(request)
        return await self._predict_legacy(request, Ask(request.client, LEGACY, body, document))

    async def js_predict(self, request: Request) -> Reply:
        """`/js/predict`: the same for a browser."""
        body, document = read_js_document(request)
        return await self._predict_legacy(request, Ask(request.client, LEGACY, body, document))

    async def predictions(self, request: Request) -> Reply:
        """`POST /api/v1.0/predictions`: SeldonMessage in and out, by the client's strategy."""
        return await self._predict_seldon(request, self._gateway.plan_of(request.client))

    async def named_predictions(self, request: Request) -> Reply:
        """`POST /seldon/<client>/<name>/api/v1.0/predictions`: one named microservice."""
        name = self._own_name(request)
        return await self._predict_seldon(request, self._gateway.named_plan(request.client, name))

    async def feedback(self, request: Request) -> Reply:
        """`POST /api/v1.0/feedback`: back to whoever answered."""
        return await self._deliver(request, "")

    async def named_feedback(self, request: Request) -> Reply:
        """`POST /seldon/<client>/<name>/api/v1.0/feedback`."""
        return await self._deliver(request, self._own_name(request))

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

    async def _deliver(self, request: Request, name: str) -> Reply:
        body, document = read_document(request)
        check_feedback(document)
        return Reply(await deliver_feedback(self._gateway, request.client, document, body, name))

    def _own_name(self, request: Request) -> str:
        """The microservice that the path names; of another client it is not there."""
        if request.params["client"] != request.client:
            raise MicroserviceMissingError(request.params["client"], request.params["name"])
        return request.params["name"]
