"""The lane's endpoints of deployments that speak v2 or TensorFlow's interface."""

from __future__ import annotations

from typing import Final

import orjson

from common.errors import InvalidInputError, NotFoundError
from common.version import VERSION
from lane.reply import Reply, json_reply
from lane.request import Request
from predictions.bodies import parse_object, read_body
from predictions.errors import (
    DeploymentMissingError,
    ProtocolMismatchError,
    UnitNotReadyError,
    UnitRefusedError,
)
from predictions.graphs import flows
from predictions.graphs.deployed import Deployed
from predictions.graphs.describing import ask_unit, check_ready
from predictions.graphs.endpoints import DeploymentEndpoints, refused, trace_headers
from predictions.graphs.gateway import GraphGateway
from predictions.graphs.nodes import Node
from predictions.graphs.walk import Walk
from predictions.transports.base import Answer

SERVER_NAME: Final = "seldon-api"
V2: Final = "v2"
TENSORFLOW: Final = "tensorflow"
READY: Final = "READY"
UNAVAILABLE: Final = "UNAVAILABLE"
_PREDICT: Final = ":predict"


class OpenEndpoints:
    """`{model}` of a path names the units' model; where no deployment is named, the deployment itself."""

    def __init__(self, graphs: GraphGateway, deployments: DeploymentEndpoints) -> None:
        self._graphs = graphs
        self._deployments = deployments

    async def infer(self, request: Request) -> Reply:
        """`POST …/v2/models/<m>/infer`, `…/v2/models/infer`."""
        params = request.params
        deployed, model = self.model_meant(request, params.get("model", ""), params.get("version", ""))
        return await self._deployments.infer(request, deployed, V2, model)

    async def model(self, request: Request) -> Reply:
        """`POST …/v1/models/<m>:predict`, `GET …/v1/models/<m>`."""
        if request.method != "POST":
            return await self._tell(request, flows.STATUS, TENSORFLOW)
        named, verb, _ = request.params["model"].partition(_PREDICT)
        if not verb:
            raise NotFoundError(f"there is nothing at {request.scope['path']}; call <model>:predict")
        return await self._predict(request, named)

    async def predict(self, request: Request) -> Reply:
        """`POST …/v1/models/<m>/:predict`, `…/v1/models:predict`."""
        return await self._predict(request, request.params.get("model", ""))

    async def ready(self, request: Request) -> Reply:
        """`GET …/v2/models/<m>/ready`, `…/v2/health/ready`: every unit has a replica."""
        model, version = request.params.get("model", ""), request.params.get("version", "")
        self.check_ready(request, model)
        if version:
            await self.check_version(request, model, version)
        return json_reply({"ready": True})

    async def metadata(self, request: Request) -> Reply:
        """`GET …/v2/models/<m>`: of the unit of that name, else of the root."""
        if version := request.params.get("version", ""):
            await self.check_version(request, request.params["model"], version)
        return await self._tell(request, flows.METADATA, V2)

    async def tensorflow_metadata(self, request: Request) -> Reply:
        """`GET …/v1/models/<m>/metadata`: of the unit of that name, else of the root."""
        return await self._tell(request, flows.METADATA, TENSORFLOW)

    async def live(self, request: Request) -> Reply:
        """`GET …/v2/health/live`: a deployment that is named is there; without a name the server answers."""
        self.check_live(request)
        return json_reply({"live": True})

    async def server(self, request: Request) -> Reply:
        """`GET …/v2`: of a deployment that is named its own, else this server's."""
        return json_reply({"name": self.server_name(request), "version": VERSION, "extensions": []})

    async def index(self, request: Request) -> Reply:
        """`POST …/v2/repository/index`: the client's deployments that speak v2, or the named one's units."""
        wanted = parse_object(read_body(request)) if request.body else {}
        is_ready_only = wanted.get("ready", False)
        if not isinstance(is_ready_only, bool):
            raise InvalidInputError("`ready` is true or false")
        return json_reply(self.rows(request, is_ready_only=is_ready_only))

    async def _predict(self, request: Request, named: str) -> Reply:
        deployed, model = self.model_meant(request, named, "")
        return await self._deployments.infer(request, deployed, TENSORFLOW, model)

    async def _tell(self, request: Request, kind: str, protocol: str) -> Reply:
        try:
            answer = (await self.ask_model(request, request.params["model"], kind, protocol))[1]
        except UnitRefusedError as error:
            return refused(error, "")
        return Reply(answer.body)

    # -- the same for every door -------------------------------------------------------------------

    def server_name(self, request: Request) -> str:
        """Of a deployment that is named its own name, else this server's."""
        if "name" not in request.params:
            return SERVER_NAME
        deployed = self._deployments.get(request)
        _check_speaks_v2(deployed)
        return deployed.name

    def rows(self, request: Request, *, is_ready_only: bool) -> list[dict[str, str]]:
        """What can be inferred: the caller's deployments that speak v2, or the units of the named one."""
        if "name" in request.params:
            deployed = self._deployments.get(request)
            _check_speaks_v2(deployed)
            found = [_unit_row(node) for node in deployed.predictors[0].root.walk() if node.needs_replica]
        else:
            _check_own(request)
            every = self._deployments.every(request)
            found = [_deployment_row(each) for each in every if each.flow.name == V2]
        return [row for row in found if row["state"] == READY or not is_ready_only]

    async def ask_model(self, request: Request, model: str, kind: str, protocol: str) -> tuple[str, Answer]:
        """What the unit called `model`, else the root, tells of itself, and which unit that was."""
        deployed, unit = self.unit_meant(request, model, protocol)
        answer = await ask_unit(deployed, unit, kind, Walk(request.client, "", trace_headers(request)))
        return f"{deployed.name}/{unit}", answer

    async def check_version(self, request: Request, model: str, version: str) -> None:
        """Raises NotFoundError for a version that the unit that is meant does not tell of."""
        unit, answer = await self.ask_model(request, model, flows.METADATA, V2)
        known = [str(each) for each in orjson.loads(answer.body).get("versions") or ()]
        if version not in known:
            raise NotFoundError(f"{unit} has no version {version}; it has {', '.join(known) or 'none'}")

    def model_meant(self, request: Request, model: str, version: str) -> tuple[Deployed, str]:
        """The deployment, and the model with its version that its units are called by."""
        deployed, name = self.meant(request, model)
        if version and not name:
            raise NotFoundError(f"Deployment {deployed.name} has no versions; name one of its units' models")
        return deployed, f"{name}{flows.VERSIONS}{version}" if version else deployed.model_asked(name)

    def unit_meant(self, request: Request, model: str, protocol: str) -> tuple[Deployed, str]:
        """The deployment that is meant, and its unit called `model`, else the root."""
        deployed, name = self.meant(request, model)
        if deployed.flow.name != protocol:
            raise ProtocolMismatchError(deployed.name, deployed.flow.name)
        root = deployed.predictors[0].root
        return deployed, name if name in {node.name for node in root.walk()} else root.name

    def check_ready(self, request: Request, model: str) -> None:
        """Raises UnitNotReadyError for a unit of the deployment that is meant and has no replica.

        A server of several deployments is ready, whether or not each of them is.
        """
        _check_own(request)
        is_server = not model and not _is_named(request)
        if not is_server or self._graphs.default(request.client) is not None:
            check_ready(self.meant(request, model)[0])

    def check_live(self, request: Request) -> None:
        """Raises DeploymentMissingError where a deployment is named that is not there."""
        _check_own(request)
        if "name" in request.params:
            self._deployments.get(request)

    def meant(self, request: Request, model: str) -> tuple[Deployed, str]:
        """The deployment, and the model that its units are called by; empty for their own names."""
        _check_own(request)
        if model and not _is_named(request):
            named = self._graphs.find(request.client, model)
            if named is not None:
                return named, ""
            if self._graphs.default(request.client) is None:
                raise DeploymentMissingError(request.client, model)
        return self._deployments.get(request), model


def _check_own(request: Request) -> None:
    """Raises DeploymentMissingError for the namespace of another client, even with no deployment named."""
    owner = request.params.get("client", request.client)
    if owner != request.client:
        raise DeploymentMissingError(owner, request.params.get("name", "default"))


def _is_named(request: Request) -> bool:
    """Whether the deployment is clear, by the path or by the caller's key."""
    return bool("name" in request.params or request.caller.deployment)


def _check_speaks_v2(deployed: Deployed) -> None:
    if deployed.flow.name != V2:
        raise ProtocolMismatchError(deployed.name, deployed.flow.name)


def _deployment_row(deployed: Deployed) -> dict[str, str]:
    try:
        check_ready(deployed)
    except UnitNotReadyError as error:
        return _row(deployed.name, error.message)
    return _row(deployed.name)


def _unit_row(node: Node) -> dict[str, str]:
    return _row(node.name, "" if node.unit.endpoints else "no replica of it is ready")


def _row(name: str, reason: str = "") -> dict[str, str]:
    return {"name": name, "version": "", "state": UNAVAILABLE if reason else READY, "reason": reason}
