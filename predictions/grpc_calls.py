"""What every gRPC call goes through: let in, counted, answered, and its failure told as code and words.

A method is a route whose path is `/<service>/<method>`: its endpoint takes the message's bytes as the
request's body and replies with the answer's. Metadata are the headers.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

import grpc
import orjson

from common import clock
from common.errors import SeldonError, TooLargeError
from common.logs import current_request
from lane.accounts import Observe, count_answer, fault_of, note_refusal
from lane.dialects import error_headers
from lane.door import Door
from lane.holding import Holding
from lane.reply import TEXT, Reply
from lane.request import Request
from lane.route import Docs, Endpoint, Route
from microservice.protocol.words import cut_words
from predictions.errors import (
    MessageError,
    MicroserviceCutError,
    MicroserviceDownError,
    ModelRefusedError,
    UnitRefusedError,
)
from predictions.grpc_unread import MOST_BYTES, Unread
from predictions.protocols.base import object_in, text_of

logger = logging.getLogger(__name__)

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
# Counted of a call whose caller waits no longer, by its deadline or because it is gone.
GAVE_UP: Final = 499
_TOKENS: Final = ("oauth_token", "x-auth-token")
_Metadata = tuple[tuple[str, str], ...]


class GrpcDialect:
    """The words of an error, under the status that its code stands for; of a unit's own, what it said."""

    name = "grpc"
    media_type = "text/plain"
    schema: Final[dict[str, Any]] = {"type": "string"}

    def write(self, error: SeldonError, request: Request | None) -> Reply:
        """The words alone; a unit's own name it too."""
        status, words = error.status, error.message
        if isinstance(error, UnitRefusedError):
            status, words = error.answer_status, _words_of(error)
        elif isinstance(error, ModelRefusedError):
            status = error.model_status
        elif isinstance(error, MicroserviceDownError | MicroserviceCutError):
            # As gRPC itself says it of a server that is not there, or not there any more.
            status = 503
        headers = [each for each in error_headers(error) if each[0] == b"retry-after"]
        return Reply(words.encode(), status, TEXT, headers)


GRPC: Final = GrpcDialect()


def grpc_routes(service: str, endpoints: Mapping[str, Endpoint], max_body_bytes: int) -> list[Route]:
    """The methods of `service`, by name; callers need the scope `predict`."""
    return [
        Route(
            f"/{service}/{name}",
            ("POST",),
            endpoint,
            GRPC,
            "predict",
            Docs(f"{service}/{name}"),
            scope="predict",
            max_body_bytes=max_body_bytes,
        )
        for name, endpoint in endpoints.items()
    ]


class GrpcMethods(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers the methods that `routes` are, for callers whom `door` lets in."""

    def __init__(
        self,
        routes: Iterable[Route],
        door: Door,
        observe: Observe | None = None,
        max_unread_bytes: int = MOST_BYTES,
    ) -> None:
        self._door = door
        self._observe = observe
        self._holding = Holding()
        self._unread = Unread(max_unread_bytes)
        self._routes = {route.path: route for route in routes}

    @property
    def services(self) -> list[str]:
        """The full names of the services."""
        return sorted({path.split("/")[1] for path in self._routes})

    def service(self, handler_call_details: Any) -> Any:
        """The handler of one call; None for a method that is not ours.

        Of a caller who is not known yet, or not let in, nothing is read meanwhile: gRPC itself would hold
        each message whole in memory before it asks who sent it.
        """
        route = self._routes.get(handler_call_details.method)
        if route is None:
            return None
        request = read_request(route, handler_call_details.invocation_metadata)
        try:
            caller = self._door.verify(request)
            if caller is not None:
                request.caller = caller
                self._door.admit(request)
                return grpc.unary_unary_rpc_method_handler(partial(self._answer_known, request))
        except SeldonError as error:
            return grpc.stream_unary_rpc_method_handler(partial(self._answer_refused, request, error))
        return grpc.stream_unary_rpc_method_handler(partial(self._answer_unknown, request))

    async def _answer_known(self, request: Request, raw: bytes, context: Any) -> bytes:
        async def ask() -> Reply:
            self._unread.check(request.client)
            return await _ask(request, raw)

        return await self._answer(request, ask, context)

    async def _answer_refused(
        self, request: Request, error: SeldonError, messages: AsyncIterator[bytes], context: Any
    ) -> bytes:
        async def refuse() -> Reply:
            raise error

        return await self._answer(request, refuse, context)

    async def _answer_unknown(self, request: Request, messages: AsyncIterator[bytes], context: Any) -> bytes:
        async def ask() -> Reply:
            request.caller = await self._door.resolve(request)
            self._door.admit(request)
            self._unread.check(request.client)
            raw = await anext(messages, None)
            if raw is None:
                raise MessageError("The call ended without a message.")
            return await _ask(request, raw)

        return await self._answer(request, ask, context)

    async def _answer(self, request: Request, ask: Callable[[], Awaitable[Reply]], context: Any) -> bytes:
        started = clock.perf_counter()
        current_request.set(request)
        status = GAVE_UP
        try:
            reply = await _reply(request, ask)
            status = reply.status
        finally:
            self._count(request, status, clock.perf_counter() - started)
        if request.is_over_quota:
            await self._holding.hold(request.client)
        await context.send_initial_metadata(_metadata(request, reply))
        if reply.status != 200:
            await context.abort(code_of(reply.status), cut_words(reply.body.decode()))
        self._unread.hold(request.client, len(reply.body), context)
        return reply.body

    def _count(self, request: Request, status: int, seconds: float) -> None:
        count_answer(request, status, seconds)
        if self._observe is not None:
            self._observe(request, status, seconds)


async def _reply(request: Request, ask: Callable[[], Awaitable[Reply]]) -> Reply:
    try:
        return await ask()
    except SeldonError as error:
        failure = error
    except Exception:
        logger.exception("unhandled error in %s", request.route.path)
        failure = fault_of(request)
    note_refusal(request, failure)
    return request.route.dialect.write(failure, request)


async def _ask(request: Request, raw: bytes) -> Reply:
    if len(raw) > request.max_body_bytes:
        raise TooLargeError(f"the message is over {request.max_body_bytes} bytes")
    request.body = raw
    return await request.route.endpoint(request)


def read_request(route: Route, metadata: Any) -> Request:
    """The call as the doors of the lane see requests; `namespace` and `seldon` are its named parts."""
    given = {key: value if isinstance(value, bytes) else value.encode() for key, value in metadata or ()}
    for name in _TOKENS:
        if name in given:
            given.setdefault("authorization", b"Bearer " + given[name])
    headers = [(key.encode(), value) for key, value in given.items()]
    scope = {"type": "http", "method": "POST", "path": route.path, "query_string": b"", "headers": headers}
    named = {"client": given.get("namespace"), "name": given.get("seldon")}
    return Request(scope, route, {key: value.decode("latin-1") for key, value in named.items() if value})


def code_of(status: int) -> grpc.StatusCode:
    """gRPC's code for a status of HTTP, which may be any that a unit answered."""
    return CODES.get(status, grpc.StatusCode.INTERNAL if status >= 500 else grpc.StatusCode.INVALID_ARGUMENT)


def _metadata(request: Request, reply: Reply) -> _Metadata:
    """What the caller is told beside the answer: ids, and the reply's headers."""
    found = [("x-request-id", request.request_id)]
    if request.puid:
        found.append(("seldon-puid", request.puid.encode("ascii", "replace").decode()))
    found += [(name.decode().lower(), value.decode("ascii", "replace")) for name, value in reply.headers]
    return tuple(found)


def _words_of(error: UnitRefusedError) -> str:
    try:
        document = orjson.loads(error.body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        return error.message
    status = object_in(document, "status")
    words = text_of(status.get("info")) or text_of(status.get("reason")) or text_of(document.get("error"))
    if not words:
        return error.message
    return words if error.unit in words else f"Unit {error.unit}: {words}"
