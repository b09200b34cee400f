"""The gRPC door `seldon.protos.Seldon`: the same callers, quotas, graphs and errors as over HTTP.

Metadata `seldon` names the deployment and `namespace` its client, both may be missing; `authorization`,
`oauth_token` or `x-auth-token` carries the token, `seldon-puid` the puid.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc
import orjson
from google.protobuf import json_format

from common import clock
from common.errors import InternalError, SeldonError, TooLargeError
from common.traffic import TRAFFIC
from lane.dialects import SELDON_CORE
from lane.door import Door
from lane.reply import Reply
from lane.request import Request
from lane.route import Docs, Route
from microservice.protocol import prediction_pb2 as pb
from predictions.bodies import puid_of
from predictions.endpoints import PredictionEndpoints
from predictions.errors import ModelRefusedError, ProtocolMismatchError, UnitRefusedError
from predictions.gateway import Gateway
from predictions.graphs import flows, proto
from predictions.graphs.describing import ask_unit, describe_graph
from predictions.graphs.endpoints import trace_headers
from predictions.graphs.gateway import Asked
from predictions.graphs.message import Message
from predictions.graphs.walk import Walk
from predictions.protocols.base import object_in, text_of

logger = logging.getLogger(__name__)

SERVICE: Final = "seldon.protos.Seldon"
CODES: Final[dict[int, grpc.StatusCode]] = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    405: grpc.StatusCode.UNIMPLEMENTED,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    409: grpc.StatusCode.ABORTED,
    412: grpc.StatusCode.FAILED_PRECONDITION,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    415: grpc.StatusCode.INVALID_ARGUMENT,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    501: grpc.StatusCode.UNIMPLEMENTED,
    502: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
_TOKENS: Final = ("oauth_token", "x-auth-token")
Work = Callable[[bytes, Request, Any], Awaitable[bytes]]


async def _no_endpoint(request: Request) -> Reply:
    raise NotImplementedError


# What a call is counted and let in by; no path of the lane.
_ROUTE: Final = Route(
    f"/{SERVICE}", ("POST",), _no_endpoint, SELDON_CORE, "predict", Docs("gRPC"), scope="predict"
)


class SeldonServicer(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers the methods of the service; messages stay bytes as far as nobody looks into them."""

    def __init__(self, gateway: Gateway, door: Door, max_body_bytes: int = 16_777_216) -> None:
        self._max_body_bytes = max_body_bytes
        self._graphs = gateway.graphs
        self._door = door
        self._endpoints = PredictionEndpoints(gateway)
        works: dict[str, Work] = {
            "Predict": self._predict,
            "SendFeedback": self._send_feedback,
            "ModelMetadata": self._model_metadata,
            "GraphMetadata": self._graph_metadata,
        }
        self._handlers = {
            f"/{SERVICE}/{name}": grpc.unary_unary_rpc_method_handler(self._answering(work))
            for name, work in works.items()
        }

    def service(self, handler_call_details: Any) -> Any:
        """The handler of a method; None for one that is not ours."""
        return self._handlers.get(handler_call_details.method)

    # -- the methods -------------------------------------------------------------------------------

    async def _predict(self, raw: bytes, request: Request, context: Any) -> bytes:
        meta = proto.meta_of(proto.parse(raw))
        deployed = self._endpoints.deployed(request)
        if deployed is None:
            body = proto.to_json(raw)
            return proto.to_proto(await self._endpoints.ask(request, body, orjson.loads(body)))
        if deployed.flow.name != "seldon":
            raise ProtocolMismatchError(deployed.name, deployed.flow.name)
        puid = puid_of(request, meta)
        await context.send_initial_metadata((("seldon-puid", puid.encode("ascii", "replace").decode()),))
        asked = Asked(request.client, deployed, Message(None, meta, raw), puid, trace_headers(request))
        return (await self._graphs.predict(asked)).raw

    async def _send_feedback(self, raw: bytes, request: Request, context: Any) -> bytes:
        document = proto.feedback_to_json(proto.parse_feedback(raw))
        return proto.to_proto(await self._endpoints.deliver(request, orjson.dumps(document), document))

    async def _model_metadata(self, raw: bytes, request: Request, context: Any) -> bytes:
        deployed = self._endpoints.deployments.get(request)
        name = pb.SeldonModelMetadataRequest.FromString(raw).name or deployed.predictors[0].root.name
        answer = await ask_unit(deployed, name, flows.METADATA, _walk(request))
        return _said(orjson.loads(answer.body), pb.SeldonModelMetadata())

    async def _graph_metadata(self, raw: bytes, request: Request, context: Any) -> bytes:
        found = await describe_graph(self._endpoints.deployments.get(request), _walk(request))
        renamed = {"graphinputs": "inputs", "graphoutputs": "outputs"}
        return _said({renamed.get(key, key): value for key, value in found.items()}, pb.SeldonGraphMetadata())

    # -- every call --------------------------------------------------------------------------------

    def _answering(self, work: Work) -> Callable[[bytes, Any], Awaitable[bytes]]:
        async def answer(raw: bytes, context: Any) -> bytes:
            started = clock.perf_counter()
            request = read_request(context.invocation_metadata())
            failure: SeldonError | None = None
            reply = b""
            try:
                await self._admit(request, len(raw))
                reply = await work(raw, request, context)
            except SeldonError as error:
                failure = error
            except Exception:
                logger.exception("unhandled error in a gRPC call")
                text = f"something went wrong here; the log says more under request {request.request_id}"
                failure = InternalError(text)
            _count(request, failure, clock.perf_counter() - started)
            if failure is not None:
                await context.abort(*describe_failure(failure))
            return reply

        return answer

    async def _admit(self, request: Request, size: int) -> None:
        request.max_body_bytes = self._max_body_bytes
        caller = self._door.verify(request)
        request.caller = caller if caller is not None else await self._door.resolve(request)
        self._door.admit(request)
        if size > request.max_body_bytes:
            raise TooLargeError(f"the message is over {request.max_body_bytes} bytes")


def read_request(metadata: Any) -> Request:
    """The call as the doors of the lane see requests."""
    given = {key: value if isinstance(value, bytes) else value.encode() for key, value in metadata or ()}
    for name in _TOKENS:
        if name in given:
            given.setdefault("authorization", b"Bearer " + given[name])
    headers = [(key.encode(), value) for key, value in given.items()]
    scope = {"type": "http", "method": "POST", "path": _ROUTE.path, "query_string": b"", "headers": headers}
    named = {"client": given.get("namespace"), "name": given.get("seldon")}
    return Request(scope, _ROUTE, {key: value.decode("latin-1") for key, value in named.items() if value})


def describe_failure(error: SeldonError) -> tuple[grpc.StatusCode, str]:
    """gRPC's code and text for `error`; of a unit's own failure, what the unit said."""
    status, body = error.status, b""
    if isinstance(error, UnitRefusedError):
        status, body = error.answer_status, error.body
    elif isinstance(error, ModelRefusedError):
        status, body = error.model_status, error.body
    default = grpc.StatusCode.INTERNAL if status >= 500 else grpc.StatusCode.INVALID_ARGUMENT
    return CODES.get(status, default), _words(body) or error.message


def _words(body: bytes) -> str:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    status = object_in(document, "status") if isinstance(document, dict) else {}
    return text_of(status.get("info")) or text_of(status.get("reason"))


def _walk(request: Request) -> Walk:
    return Walk(request.client, "", trace_headers(request))


def _said(document: dict[str, Any], message: Any) -> bytes:
    json_format.ParseDict(document, message, ignore_unknown_fields=True)
    return bytes(message.SerializeToString())


def _count(request: Request, failure: SeldonError | None, seconds: float) -> None:
    client = request.client
    if not client:
        return
    TRAFFIC.count_request(client, _ROUTE.surface, failure.status if failure else 200, seconds)
    if failure is not None:
        facts: dict[str, str | int] = {
            "at": clock.unix_seconds(),
            "status": failure.status,
            "code": failure.code,
            "message": failure.message[:300],
            "request_id": request.request_id,
        }
        TRAFFIC.note_refusal(client, _ROUTE.surface, facts)
