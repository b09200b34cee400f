"""The lane's endpoints of deployments: read, ask the graphs, reply."""

from __future__ import annotations

from typing import Final

from lane.reply import TEXT, Headers, Reply, json_reply
from lane.request import Request
from predictions.bodies import puid_of, read_body
from predictions.errors import DeploymentMissingError, ProtocolMismatchError, UnitRefusedError
from predictions.forms import read_message_body
from predictions.graphs.deployed import Deployed
from predictions.graphs.describing import ask_unit, check_ready, describe_graph
from predictions.graphs.documents import deployment_document
from predictions.graphs.gateway import Asked, GraphGateway
from predictions.graphs.page import page_reply
from predictions.graphs.walk import Walk

# Handed to every unit as they came, so that traces of callers and units come together.
_TRACE_HEADERS: Final = (
    b"traceparent", b"tracestate", b"uber-trace-id", b"b3", b"x-b3-traceid", b"x-b3-spanid",
    b"x-b3-parentspanid", b"x-b3-sampled", b"x-b3-flags",
)  # fmt: skip
_SKIPS: Final = frozenset({"true", "on", "1"})


class DeploymentEndpoints:
    """The endpoints over the deployments of one worker."""

    def __init__(self, graphs: GraphGateway) -> None:
        self._graphs = graphs

    def find(self, request: Request) -> Deployed | None:
        """What the path names of the caller's own, or their default; None when it is not there.

        The key of one deployment reaches no other.
        """
        client, params = request.client, request.params
        bound = request.caller.deployment
        name = params.get("name", bound)
        if params.get("client", client) != client or bound not in ("", name):
            return None
        return self._graphs.find(client, name) if name else self._graphs.default(client)

    def get(self, request: Request) -> Deployed:
        """The same; DeploymentMissingError when it is not there."""
        found = self.find(request)
        if found is None:
            owner = request.params.get("client", request.client)
            name = request.params.get("name") or request.caller.deployment or "default"
            raise DeploymentMissingError(owner, name)
        return found

    def every(self, request: Request) -> list[Deployed]:
        """All that the caller reaches, by name."""
        bound = request.caller.deployment
        names = [bound] if bound else sorted(self._graphs.registry.of(request.client))
        found = [self._graphs.find(request.client, name) for name in names]
        return [each for each in found if each is not None]

    async def predict(self, request: Request, deployed: Deployed) -> Reply:
        """A prediction of `deployed`, which speaks Seldon Core's protocol."""
        return await self.infer(request, deployed, "seldon")

    async def infer(self, request: Request, deployed: Deployed, protocol: str, model: str = "") -> Reply:
        """A prediction of `deployed` by `protocol`; ProtocolMismatchError when it speaks another one.

        `model` is the name that every unit is called by instead of its own.
        """
        if deployed.flow.name != protocol:
            raise ProtocolMismatchError(deployed.name, deployed.flow.name)
        body = read_message_body(request) if protocol == "seldon" else read_body(request)
        asked = _asked(request, deployed, body)._replace(model=model)
        try:
            answer = await self._graphs.predict(asked)
        except UnitRefusedError as error:
            return refused(error, asked.puid)
        return Reply(await answer.text(), headers=_headers(request, deployed, asked.puid))

    async def metadata(self, request: Request) -> Reply:
        """`GET …/metadata`: the whole graph's."""
        deployed = self.get(request)
        return json_reply(await describe_graph(deployed, _walk(request)))

    async def unit_metadata(self, request: Request) -> Reply:
        """`GET …/metadata/<node>`: one unit's, as it tells it."""
        return await self._ask(request, "metadata")

    async def unit_status(self, request: Request) -> Reply:
        """`GET …/status/<node>`: how one unit does, as it tells it."""
        return await self._ask(request, "health/status")

    async def status(self, request: Request) -> Reply:
        """`GET …/status`, `…/health/status`: nothing in it where every unit has a replica that is ready."""
        check_ready(self.get(request))
        return Reply(content_type=TEXT)

    async def live(self, request: Request) -> Reply:
        """`GET …/live`: nothing in it where the deployment is there."""
        self.get(request)
        return Reply(content_type=TEXT)

    async def page(self, request: Request) -> Reply:
        """`GET …/doc/`, `…/doc`: a page for people, whatever it names."""
        return _page(request, "seldon.json")

    async def v2_page(self, request: Request) -> Reply:
        """`GET …/v2/docs/`, `…/v2/docs`: the same page."""
        return _page(request, "dataplane.json")

    async def document(self, request: Request) -> Reply:
        """`GET …/doc/seldon.json`, `…/v2/docs/dataplane.json`: the deployment's own OpenAPI document."""
        return json_reply(deployment_document(request.client, self.get(request)))

    async def _ask(self, request: Request, kind: str) -> Reply:
        try:
            answer = await ask_unit(self.get(request), request.params["node"], kind, _walk(request))
        except UnitRefusedError as error:
            return refused(error, "")
        return Reply(answer.body, content_type=answer.content_type.encode("latin-1"))


def _page(request: Request, document: str) -> Reply:
    """The page, which finds its document beside an address with a slash and below one without."""
    last = request.scope["path"].rpartition("/")[2]
    return page_reply(f"{last}/{document}" if last else document)


def _asked(request: Request, deployed: Deployed, body: bytes) -> Asked:
    message = deployed.flow.read_request(body)
    puid = puid_of(request, message.meta)
    headers = trace_headers(request)
    return Asked(request.client, deployed, message, puid, headers, is_logged=is_logged(request))


def _walk(request: Request) -> Walk:
    return Walk(request.client, "", trace_headers(request))


def is_logged(request: Request) -> bool:
    """Whether request loggers may see it."""
    return request.header(b"seldon-skip-logging").lower() not in _SKIPS


def trace_headers(request: Request) -> bytes:
    """The header lines that units get of this request: its id, and what traces it."""
    lines = [b"X-Request-ID: %b\r\n" % request.request_id.encode("latin-1")]
    headers = request.headers
    lines += [b"%b: %b\r\n" % (name, headers[name]) for name in _TRACE_HEADERS if name in headers]
    return b"".join(lines)


def _headers(request: Request, deployed: Deployed, puid: str) -> Headers:
    value = puid.encode("latin-1", "replace")
    headers: Headers = [(b"seldon-puid", value)]
    if b"ce-specversion" in request.headers:
        name = deployed.name.encode()
        headers += [
            (b"ce-id", value),
            (b"ce-specversion", b"0.3"),
            (b"ce-path", request.scope["path"].encode("latin-1", "replace")),
            (b"ce-type", b"seldon.%b.%b.response" % (name, request.client.encode())),
            (b"ce-source", b"seldon.%b" % name),
        ]
    return headers


def refused(error: UnitRefusedError, puid: str) -> Reply:
    """What a unit said of its failure, as it said it, and which unit it was."""
    if not error.body:
        raise error
    headers = [(b"seldon-unit", error.unit.encode("latin-1", "replace"))]
    if puid:
        headers.append((b"seldon-puid", puid.encode("latin-1", "replace")))
    return Reply(error.body, error.answer_status, error.content_type.encode("latin-1"), headers)
