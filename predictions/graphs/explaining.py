"""The door of a predictor's explainer, and the one by which the explainer asks the predictor.

The explainer answers at `/seldon/<client>/<deployment>-explainer/<predictor>/…`, by its own paths.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from common.errors import InvalidInputError, InvalidJsonError
from lane.dialects import SELDON_CORE, V2, Dialect
from lane.reply import Reply
from lane.request import Request
from lane.route import Docs, DoorName, Endpoint, Route
from predictions import errors
from predictions.bodies import puid_of, read_body
from predictions.errors import DeploymentMissingError, UnitRefusedError
from predictions.graphs.deployed import EXPLAIN_SECONDS, SUFFIX
from predictions.graphs.endpoints import refused, trace_headers
from predictions.graphs.gateway import Asked, GraphGateway
from predictions.transports.base import Call

TAG: Final = "explainers"
_ASKING: Final = "/explained/{client}/{name}/{predictor}"
_ANSWERING: Final = "/seldon/{client}/{name}/{predictor}"
_JSON: Final = "application/json"
_FAILURES: Final = (
    InvalidJsonError,
    InvalidInputError,
    errors.DeploymentMissingError,
    errors.UnitNotReadyError,
    errors.UnitRefusedError,
    errors.MicroserviceDownError,
    errors.MicroserviceCutError,
    errors.MicroserviceGarbageError,
    errors.MicroserviceSlowError,
    errors.MicroserviceRestingError,
    errors.MicroserviceBusyError,
)


def asking_path(client: str, deployment: str, predictor: str) -> str:
    """Where the explainer of a predictor asks it, and whose seal it shows there."""
    client, deployment, predictor = (quote(word, safe="") for word in (client, deployment, predictor))
    return _ASKING.format(client=client, name=deployment, predictor=predictor)


def sealed_path(request: Request) -> str:
    """The path whose seal a request needs, by the names in its own."""
    params = request.params
    return asking_path(params["client"], params["name"], params["predictor"])


class ExplainerEndpoints:
    """The endpoints over the deployments of one worker."""

    def __init__(self, graphs: GraphGateway) -> None:
        self._graphs = graphs

    async def explain(self, request: Request) -> Reply:
        """`POST …-explainer/<predictor>/…`: the explainer's own answer."""
        client, params = request.client, request.params
        name, predictor = params["name"], params["predictor"]
        deployed = self._graphs.find(client, name.removesuffix(SUFFIX)) if name.endswith(SUFFIX) else None
        if deployed is not None and request.caller.deployment not in ("", deployed.name):
            deployed = None
        port = deployed.explainers.get(predictor) if deployed is not None else None
        if params.get("client", client) != client or port is None:
            raise DeploymentMissingError(params.get("client", client), f"{name}/{predictor}")
        target = _target(request)
        body, headers = read_body(request), trace_headers(request)
        call = Call("POST", target, body, puid=puid_of(request, {}), headers=headers)
        answer = await port.ask(call, EXPLAIN_SECONDS)
        return Reply(answer.body, answer.status, answer.content_type.encode("latin-1", "replace"))

    async def predict(self, request: Request) -> Reply:
        """What one predictor answers to its explainer: of that the prediction log says nothing."""
        params = request.params
        deployed = self._graphs.get(request.client, params["name"])
        if params["predictor"] not in deployed.explainers:
            raise DeploymentMissingError(request.client, f"{params['name']}/{params['predictor']}")
        message = deployed.flow.read_request(read_body(request))
        puid, headers = puid_of(request, message.meta), trace_headers(request)
        model = params.get("model", "").removesuffix(":predict")
        asked = Asked(request.client, deployed, message, puid, headers, model, is_logged=False)
        try:
            answer = await self._graphs.ask_predictor(asked, params["predictor"])
        except UnitRefusedError as error:
            return refused(error, puid)
        return Reply(answer.body)


def explainer_routes(does: ExplainerEndpoints) -> Iterator[Route]:
    """Every one of them."""
    for version in ("v1.0", "v0.1"):
        for prefix in (_ANSWERING, "/seldon/{name}/{predictor}"):
            yield _route(f"{prefix}/api/{version}/explain", does.explain, SELDON_CORE, _EXPLAIN)
    yield _route(f"{_ANSWERING}/v1/models/{{model}}", does.explain, V2, _EXPLAIN)
    yield _route(f"{_ANSWERING}/v2/models/{{model}}/infer", does.explain, V2, _EXPLAIN)
    for path, dialect in (
        ("/api/v1.0/predictions", SELDON_CORE),
        ("/v1/models/{model}", V2),
        ("/v2/models/{model}/infer", V2),
    ):
        yield _route(f"{_ASKING}{path}", does.predict, dialect, _PREDICT, "seal")


_EXPLAIN: Final = "Ask the explainer of a predictor of the deployment <name without -explainer>"
_PREDICT: Final = "Ask one predictor: for explainers of this installation alone"


def _route(path: str, endpoint: Endpoint, dialect: Dialect, summary: str, door: DoorName = "token") -> Route:
    docs = Docs(
        summary,
        tag=TAG,
        request={_JSON: {"type": "object"}},
        answers={200: ("What it answers", {_JSON: {}})},
        errors=_FAILURES,
    )
    is_open = door == "token"
    return Route(path, ("POST",), endpoint, dialect, "predict", docs, door, "predict", is_cors=is_open)


def _target(request: Request) -> str:
    """The explainer's own path: what follows the predictor's name."""
    params, path = request.params, request.scope["path"]
    ends = [params["client"]] if "client" in params else []
    whole = "/".join(["/seldon", *ends, params["name"], params["predictor"]])
    return quote(path.removeprefix(whole), safe="/:")
