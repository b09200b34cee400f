"""The gRPC door: Seldon Core's services, v2 and Classify on one component, with reflection and health."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from time import perf_counter
from typing import Any, TypeAlias

import grpc
from google.protobuf import empty_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from microservice.classify_grpc import ClassifyService
from microservice.dispatch import Answer
from microservice.errors import BusyError, CallTimeoutError, StartError
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
from microservice.protocol.classify import SERVICE as CLASSIFY
from microservice.protocol.classify_pb2 import ClassificationRequest
from microservice.protocol.infer import SERVICE
from microservice.protocol.pools import EveryPool
from microservice.protocol.words import cut_words
from microservice.rest import RestApp, within
from microservice.tensorflow_grpc import TensorflowService
from microservice.v2_grpc import V2Service

log = logging.getLogger(__name__)
Asking = Callable[..., Coroutine[Any, Any, Answer]]
Outcome = tuple[Any, BaseException | None]
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
OK = grpc.StatusCode.OK
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

    def __init__(self, app: RestApp, count_call: Callable[[], None]) -> None:
        """Make the door to what `app` serves; `count_call` is told of every call of a hook."""
        self._dispatcher = app.dispatcher
        self._threads, self._side_thread, self._times = app.threads, app.side_thread, app.times
        self._count_call = count_call
        self._tracer, self._timeout_seconds = app.tracer, app.dispatcher.settings.timeout_seconds
        self._inference = app.inference
        self._v2 = V2Service(app.inference)
        self._v2_operation = app.inference.operation
        limit = self._dispatcher.settings.grpc_max_message_bytes
        options = [
            ("grpc.max_send_message_length", limit),
            ("grpc.max_receive_message_length", limit),
            ("grpc.so_reuseport", 1),
        ]
        self._server = grpc.aio.server(options=options)
        self._health = health.aio.HealthServicer()
        self._add_services()

    async def start(self, address: str) -> None:
        """Listen; raises StartError when the address cannot be had."""
        try:
            self.port = self._server.add_insecure_port(address)
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
            names.append(service if "." in service else f"seldon.protos.{service}")
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(names[-1], methods),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._names = names[2:]
        reflection.enable_server_reflection(names, self._server, EveryPool())

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
            CLASSIFY: {"Classify": self._handle_classify(ClassifyService(dispatcher))},
            SERVICE: {name: self._handle_open(*method) for name, method in self._v2.methods().items()},
            **self._tensorflow_services(),
        }

    def _tensorflow_services(self) -> dict[str, dict[str, Any]]:
        return {
            service: {name: self._handle_open(*method) for name, method in methods.items()}
            for service, methods in TensorflowService(self._inference).services().items()
        }

    def _handle(self, operation: Operation, ask: Asking, kind: str) -> Any:
        async def answer(message: Any, context: Context) -> Any:
            return await self._ask_model(operation, partial(ask, message, PROTO), context)

        return make_handler(answer, getattr(messages, kind))

    def _handle_open(self, kind: Any, ask: Asking, is_for_model: bool) -> Any:
        async def answer(message: Any, context: Context) -> Any:
            if is_for_model:
                return await self._ask_model(self._v2_operation, partial(ask, message), context)
            return await self._ask_side(partial(ask, message), context)

        return make_handler(answer, kind)

    def _handle_classify(self, service: ClassifyService) -> Any:
        async def answer(message: Any, context: Context) -> Any:
            return await self._ask_model(PREDICT, partial(service.classify, message), context)

        return make_handler(answer, ClassificationRequest)

    async def _describe(self, message: Any, context: Context) -> Any:
        answer = await self._ask_side(self._dispatcher.describe_model, context)
        return json_to_message(answer, messages.SeldonModelMetadata())

    async def _ask_model(self, operation: Operation, ask: Asking, context: Context) -> Any:
        """Return the message for a call of a hook, which is counted and timed."""
        self._count_call()
        started = perf_counter()
        ask = self._tracer.wrap(operation.method, lambda: context.invocation_metadata() or (), ask)
        try:
            if self._dispatcher.runs_on_loop(operation):
                found, error = await within(self._timeout_seconds, try_answer(ask))
            else:
                found, error = await self._threads.run(partial(answer_in_thread, ask))
        except (BusyError, CallTimeoutError) as refused:
            found, error = None, refused
        code, text = (OK, "") if error is None else describe_code(error)
        self._times.observe(operation.method, code.name, perf_counter() - started)
        return found if error is None else await context.abort(code, text)

    async def _ask_side(self, ask: Asking, context: Context) -> Any:
        """Return the message for a call that must not wait for the model."""
        if self._dispatcher.runs_on_loop(HEALTH):
            found, error = await try_answer(ask)
        else:
            found, error = await self._side_thread.run(partial(answer_in_thread, ask))
        return found if error is None else await context.abort(*describe_code(error))


def describe_code(error: BaseException) -> tuple[grpc.StatusCode, str]:
    """Return gRPC's code and the text for what was raised."""
    status, message, _ = describe_failure(error)
    code = CODES.get(status, grpc.StatusCode.INTERNAL if status >= 500 else grpc.StatusCode.UNKNOWN)
    return code, cut_words(message)


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


async def refuse_graph(message: Any, context: Context) -> Any:
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
