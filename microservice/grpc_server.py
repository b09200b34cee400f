"""The gRPC door: all of Seldon Core's services on one component, with reflection and the health service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import grpc
from google.protobuf import empty_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from microservice.dispatch import Answer, Dispatcher
from microservice.errors import BusyError, StartError
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
from microservice.proto_codec import PROTO, json_to_message, messages
from microservice.threads import ModelThreads

log = logging.getLogger(__name__)
Asking = Callable[..., Coroutine[Any, Any, Answer]]
Outcome = tuple[Any, BaseException | None]
CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ABORTED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    501: grpc.StatusCode.UNIMPLEMENTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
MESSAGE, LIST, REWARD = "SeldonMessage", "SeldonMessageList", "Feedback"


class GrpcDoor:
    """Serves one component over gRPC, in the event loop that also serves it over HTTP."""

    def __init__(self, dispatcher: Dispatcher, threads: ModelThreads[Any]) -> None:
        settings = dispatcher.settings
        limit = settings.grpc_max_message_bytes
        options = [
            ("grpc.max_send_message_length", limit),
            ("grpc.max_receive_message_length", limit),
            ("grpc.so_reuseport", 1),
        ]
        self._dispatcher = dispatcher
        self._threads = threads
        self._server = grpc.aio.server(options=options)
        self._health = health.aio.HealthServicer()
        self._add_services()

    async def start(self, address: str) -> None:
        """Listen; raises StartError when the address cannot be had."""
        try:
            self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise StartError(f"gRPC cannot listen on {address}: {error}; see --grpc-port") from error
        for name in ("", *self._names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        await self._server.start()

    async def end(self, grace_seconds: float) -> None:
        """Refuse new calls at once and finish those under way, for as long as the grace time lasts."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_seconds)

    def _add_services(self) -> None:
        names = [reflection.SERVICE_NAME, health.SERVICE_NAME]
        for service, methods in self._services().items():
            names.append(f"seldon.protos.{service}")
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(names[-1], methods),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._names = names[2:]
        reflection.enable_server_reflection(names, self._server)

    def _services(self) -> dict[str, dict[str, Any]]:
        """Return the methods of each service."""
        ask, dispatcher = self._handle, self._dispatcher
        predict = ask(PREDICT, dispatcher.predict, MESSAGE)
        feedback = ask(FEEDBACK, dispatcher.send_feedback, REWARD)
        transform_input = ask(TRANSFORM_INPUT, dispatcher.transform_input, MESSAGE)
        transform_output = ask(TRANSFORM_OUTPUT, dispatcher.transform_output, MESSAGE)
        route = ask(ROUTE, dispatcher.route, MESSAGE)
        aggregate = ask(AGGREGATE, dispatcher.aggregate, LIST)
        return {
            "Generic": {
                "TransformInput": transform_input,
                "TransformOutput": transform_output,
                "Route": route,
                "Aggregate": aggregate,
                "SendFeedback": feedback,
            },
            "Model": {
                "Predict": predict,
                "SendFeedback": feedback,
                "Metadata": make_handler(self._describe, empty_pb2.Empty),
            },
            "Router": {"Route": route, "SendFeedback": feedback},
            "Transformer": {"TransformInput": transform_input},
            "OutputTransformer": {"TransformOutput": transform_output},
            "Combiner": {"Aggregate": aggregate},
            "Seldon": {
                "Predict": predict,
                "SendFeedback": feedback,
                "ModelMetadata": make_handler(self._describe, messages.SeldonModelMetadataRequest),
                "GraphMetadata": make_handler(refuse_graph, empty_pb2.Empty),
            },
        }

    def _handle(self, operation: Operation, ask: Asking, kind: str) -> Any:
        async def answer(message: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            return await self._answer(operation, partial(ask, message, PROTO), context)

        return make_handler(answer, getattr(messages, kind))

    async def _describe(self, message: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        answer = await self._answer(HEALTH, self._dispatcher.describe_model, context)
        return json_to_message(answer, messages.SeldonModelMetadata())

    async def _answer(
        self, operation: Operation, ask: Asking, context: grpc.aio.ServicerContext[Any, Any]
    ) -> Any:
        """Return the message, or end the call with the code of what went wrong."""
        try:
            if self._dispatcher.runs_on_loop(operation):
                found, error = await try_answer(ask)
            else:
                found, error = await self._threads.run(partial(answer_in_thread, ask))
        except BusyError as busy:
            found, error = None, busy
        if error is None:
            return found
        status, message, _ = describe_failure(error)
        code = CODES.get(status, grpc.StatusCode.INTERNAL if status >= 500 else grpc.StatusCode.UNKNOWN)
        return await context.abort(code, message)


def answer_in_thread(ask: Asking) -> Outcome:
    """Return the outcome of a call whose hooks are plain methods."""
    return drive(try_answer(ask))


async def try_answer(ask: Asking) -> Outcome:
    """Return a message or what was raised, whatever the author's code does: this is the door to it."""
    try:
        return (await ask()).body, None
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        if describe_failure(error)[0] >= 500:
            log.exception("a gRPC call failed")
        return None, error


async def refuse_graph(message: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
    """Refuse to describe a graph: a component is one unit of it."""
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "GraphMetadata not available on the Model level.")


def make_handler(answer: Any, kind: Any) -> Any:
    """Return the handler of one method."""
    return grpc.unary_unary_rpc_method_handler(
        answer, request_deserializer=kind.FromString, response_serializer=serialize
    )


def serialize(message: Any) -> bytes:
    """Return a message's bytes."""
    found: bytes = message.SerializeToString()
    return found
