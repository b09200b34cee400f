"""The ASGI application: paths to operations of the dispatcher, errors to answers with their true status."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

from microservice import metrics
from microservice.dispatch import Answer, Dispatcher
from microservice.error_handlers import ErrorHandler, find_error_handler
from microservice.errors import (
    BodyTooLargeError,
    BusyError,
    CallTimeoutError,
    MethodRefusedError,
    PathUnknownError,
    WorkerEndedError,
)
from microservice.explaining import explain_paths
from microservice.failures import describe_failure
from microservice.hooks import (
    AGGREGATE,
    FEEDBACK,
    HEALTH,
    PREDICT,
    ROUTE,
    TRANSFORM_INPUT,
    TRANSFORM_OUTPUT,
    Operation,
    drive,
)
from microservice.metrics import Meter, RequestTimes, Snapshots
from microservice.openapi import describe_paths
from microservice.protocol.errors import MicroserviceError
from microservice.protocol.wire import encode_json
from microservice.replies import (
    ABANDONED,
    BOTH,
    READ,
    TEXT,
    WRITE,
    Headers,
    Reply,
    Route,
    answer_options,
    fail,
    is_tensorflow,
    is_v2,
    make_constant,
)
from microservice.requests import Call, read_message
from microservice.settings import Settings
from microservice.tensorflow_rest import TensorflowRoutes
from microservice.threads import ModelThreads
from microservice.tracing import NoTracer, Tracer
from microservice.v2 import Inference
from microservice.v2_rest import V2Routes

log = logging.getLogger(__name__)

T = TypeVar("T")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asking = Callable[..., Coroutine[Any, Any, Answer]]
OfCall = Callable[[Call], Coroutine[Any, Any, Answer]]


class RestApp:
    """Serves one component; made in the event loop that serves it."""

    def __init__(
        self, dispatcher: Dispatcher, settings: Settings, meter: Meter, snapshots: Snapshots
    ) -> None:
        self.dispatcher = self._dispatcher = dispatcher
        self._settings = settings
        self._meter = meter
        self.times = RequestTimes(meter, settings.model_name)
        self._snapshots = snapshots
        self.threads: ModelThreads[Any] = ModelThreads(
            settings.threads, settings.max_waiting, settings.timeout_seconds
        )
        # The author's health_status and init_metadata may be slow as well, and must not wait for predict.
        self.side_thread: ModelThreads[Any] = ModelThreads(1, settings.max_waiting)
        self.inference = Inference(dispatcher)
        self.tracer: Tracer = NoTracer()
        self._handle_error = find_error_handler(dispatcher.component.subject)
        self._routes = self._make_routes()
        ways = (
            lambda operation, ask: partial(self._run, operation, ask),
            lambda ask: partial(self._ask_side, ask),
        )
        self._v2 = V2Routes(self.inference, *ways)
        self._tensorflow = TensorflowRoutes(self.inference, *ways)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        started = perf_counter()
        call, method = None, "unknown"
        try:
            route = self._find_route(scope["path"], scope["method"])
            method = route.method
            call = await read_call(scope, receive, self._settings.max_body_bytes)
            reply = await (answer_options(route) if call.method == "OPTIONS" else route.answer(call))
        except MicroserviceError as error:
            reply = self._refuse(error, scope["path"])
        except ConnectionResetError:
            return
        await send_reply(send, reply, call)
        seconds = perf_counter() - started
        self.times.observe(method, str(reply.status), seconds)
        if self._settings.has_access_log and (method != "metrics" or self._settings.logs_metrics_calls):
            log.info("%s %s %d %.1f ms", scope["method"], scope["path"], reply.status, seconds * 1000)

    def _make_routes(self) -> dict[str, Route]:
        dispatcher = self._dispatcher
        health = Route(READ, "health", partial(self._ask_side, ignoring_call(dispatcher.report_health)))
        metadata = Route(READ, "metadata", partial(self._ask_side, ignoring_call(dispatcher.describe_model)))
        self._ready = Reply(200, encode_json({"status": "ready", "model": self._settings.model_name}))
        return {
            "/predict": Route(BOTH, "predict", self._predict_either),
            "/transform-input": self._ask(TRANSFORM_INPUT, dispatcher.transform_input),
            "/transform-output": self._ask(TRANSFORM_OUTPUT, dispatcher.transform_output),
            "/route": self._ask(ROUTE, dispatcher.route),
            "/aggregate": self._ask(AGGREGATE, dispatcher.aggregate),
            "/send-feedback": self._ask(FEEDBACK, dispatcher.send_feedback),
            "/api/v1.0/predictions": self._ask(PREDICT, dispatcher.predict, WRITE),
            "/api/v0.1/predictions": self._ask(PREDICT, dispatcher.predict, WRITE),
            "/api/v1.0/feedback": self._ask(FEEDBACK, dispatcher.send_feedback, WRITE),
            "/api/v0.1/feedback": self._ask(FEEDBACK, dispatcher.send_feedback, WRITE),
            "/health/ping": make_constant(Reply(200, b"pong", TEXT)),
            "/live": make_constant(Reply(200, b'{"status":"live"}\n')),
            "/ready": Route(READ, "health", self._report_ready),
            "/health/status": health,
            "/api/v1.0/health/status": health,
            "/metadata": metadata,
            "/api/v1.0/metadata": metadata,
            "/seldon.json": Route(READ, "metadata", self._describe_paths),
            self._settings.metrics_path: Route(READ, "metrics", self._report_metrics),
            **explain_paths(dispatcher.component.subject, partial(self._ask, PREDICT)),
        }

    def _ask(self, operation: Operation, ask: Asking, allowed: str = BOTH) -> Route:
        """Return the route of an operation."""
        return Route(allowed, operation.method, partial(self._call_model, operation, ask))

    def _find_route(self, path: str, method: str) -> Route:
        route = self._routes.get(path)
        if route is None:
            route = self._find_open(path)
        if method not in route.allowed.split(", "):
            raise MethodRefusedError(method, route.allowed)
        return route

    def _find_open(self, path: str) -> Route:
        if is_v2(path):
            return self._v2.find(path)
        if is_tensorflow(path):
            return self._tensorflow.find(path)
        raise PathUnknownError(path)

    async def _predict_either(self, call: Call) -> Reply:
        """Answer `/predict`: Seldon Server's form if the query has `client`, else whichever the body has."""
        names_client = call.names_client()
        ask = self._dispatcher.predict_legacy if names_client else self._dispatcher.predict_either
        return await self._call_model(PREDICT, ask, call)

    async def _call_model(self, operation: Operation, ask: Asking, call: Call) -> Reply:
        return await self._run(
            operation, partial(answer_message, ask, self._settings.payload_passthrough), call
        )

    async def _run(self, operation: Operation, ask: OfCall, call: Call) -> Reply:
        """Return the reply to a call, made where the operation's hooks run."""
        traced = self.tracer.wrap(f"{call.method} {call.path}", lambda: call.headers, ask)
        answer = partial(answer_call, traced, call, self._handle_error)
        if self._dispatcher.runs_on_loop(operation):
            return await within(self._settings.timeout_seconds, answer())
        try:
            reply: Reply = await self.threads.run(partial(answer_in_thread, answer))
        except asyncio.CancelledError:
            # The server cancels what is left when the grace time ends, and would answer in plain text.
            raise WorkerEndedError from None
        return reply

    async def _ask_side(self, ask: OfCall, call: Call) -> Reply:
        answer = partial(answer_call, ask, call)
        if self._dispatcher.runs_on_loop(HEALTH):
            return await answer()
        reply: Reply = await self.side_thread.run(partial(answer_in_thread, answer))
        return reply

    async def _report_ready(self, call: Call) -> Reply:
        """Answer `/ready`: 503 while no call ends, so that callers are sent elsewhere."""
        seconds, patience = self.threads.stuck_seconds(), self._settings.patience_seconds
        return self._ready if not patience or seconds <= patience else describe_stuck(seconds)

    async def _describe_paths(self, call: Call) -> Reply:
        return Reply(200, encode_json(describe_paths(self._settings.model_name, self._routes)))

    async def _report_metrics(self, call: Call) -> Reply:
        merged = await asyncio.to_thread(self._snapshots.merged, self._meter)
        return Reply(200, metrics.render(merged), metrics.CONTENT_TYPE.encode())

    def _refuse(self, error: MicroserviceError, path: str) -> Reply:
        headers: Headers = ()
        if isinstance(error, MethodRefusedError):
            headers = ((b"allow", error.allowed.encode()),)
        elif isinstance(error, BusyError):
            headers = ((b"retry-after", b"1"),)
        elif isinstance(error, BodyTooLargeError):
            # The rest of the body is not read, so this connection cannot carry another request.
            headers = ((b"connection", b"close"),)
        return fail(path, (error.status_code, error.message, error.reason), headers)


async def read_call(scope: Scope, receive: Receive, limit: int) -> Call:
    """Return the request with its body; raises BodyTooLargeError as soon as the limit is passed."""
    content_type = encoding = ""
    request_id = b""
    for name, value in scope["headers"]:
        if name == b"content-type":
            content_type = value.decode("latin-1")
        elif name == b"content-encoding":
            encoding = value.decode("latin-1").lower()
        elif name == b"x-request-id":
            request_id = value
        elif name == b"content-length" and int(value) > limit:
            raise BodyTooLargeError(limit)
    body = await read_body(receive, limit)
    connection = getattr(receive, "__self__", None)
    method, path, query = scope["method"], scope["path"], scope["query_string"]
    return Call(
        method, path, query, body, content_type, encoding, request_id, connection, scope["headers"], limit
    )


async def read_body(receive: Receive, limit: int) -> bytes:
    """Return the whole body; raises ConnectionResetError when the caller leaves before its end."""
    chunks: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ConnectionResetError
        chunk = event.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLargeError(limit)
        chunks.append(chunk)
        if not event.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def send_reply(send: Send, reply: Reply, call: Call | None) -> None:
    """Send a reply; the caller's X-Request-ID goes back with it."""
    headers: list[tuple[bytes, bytes]] = [
        (b"content-type", reply.content_type),
        (b"content-length", str(len(reply.body)).encode()),
        *reply.headers,
    ]
    if call is not None and call.request_id:
        headers.append((b"x-request-id", call.request_id))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def answer_message(ask: Asking, is_passed_through: bool, call: Call) -> Answer:
    """Return the answer to the message of a call, which is its bytes when payloads are passed through."""
    return await ask(call.body if is_passed_through else read_message(call))


def describe_stuck(seconds: float) -> Reply:
    """Return what `/ready` answers while the model is stuck."""
    words = f"no call of the model has ended for {seconds:.1f} s (--patience-seconds)"
    return Reply(503, encode_json({"status": "stuck", "reason": words}))


def ignoring_call(ask: Asking) -> OfCall:
    """Return a question for which it does not matter what the caller sent."""

    async def answer(call: Call) -> Answer:
        return await ask()

    return answer


def answer_in_thread(answer: Callable[[], Coroutine[Any, Any, Reply]]) -> Reply:
    """Return the reply to a call whose hooks are plain methods."""
    return drive(answer())


async def within(seconds: float, answer: Coroutine[Any, Any, T]) -> T:
    """Return what is made on the event loop; raises CallTimeoutError when that takes longer, 0 never."""
    try:
        return await asyncio.wait_for(answer, seconds or None)
    except TimeoutError:
        raise CallTimeoutError(seconds) from None


async def answer_call(ask: OfCall, call: Call, handle_error: ErrorHandler | None = None) -> Reply:
    """Return the reply to a call, whatever the author's code does: this is the door behind which it runs."""
    if call.is_abandoned():
        return ABANDONED
    try:
        answer = await ask(call)
        body = answer.body.encode() if isinstance(answer.body, str) else answer.body
        text = body if isinstance(body, bytes) else encode_json(body)
        return Reply(answer.status, text, answer.content_type, answer.headers)
    except asyncio.CancelledError:
        raise
    # Also SystemExit, which would end the thread and leave its callers waiting.
    except BaseException as error:  # noqa: BLE001 - logged by refuse_call
        return refuse_call(error, call, handle_error)


def refuse_call(error: BaseException, call: Call, handle_error: ErrorHandler | None) -> Reply:
    """Return the reply to a call that failed: the class's own for this exception, if it has one."""
    if handle_error is not None:
        try:
            reply = handle_error(error, call)
        except Exception:
            log.exception("model_error_handler failed itself")
            reply = None
        if reply is not None:
            return reply
    failure = describe_failure(error)
    if not isinstance(error, MicroserviceError):
        log.error("%s %s failed, request id %r", call.method, call.path, call.request_id, exc_info=error)
    elif failure[0] >= 500:
        log.error("%s %s answered %d: %s", call.method, call.path, *failure[:2])
    return fail(call.path, failure)
