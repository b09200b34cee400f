"""Unary gRPC calls to one microservice over one connection; messages stay bytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

import grpc
import orjson
from grpc import aio

from predictions.errors import (
    AnswerTooLargeError,
    MicroserviceCutError,
    MicroserviceDownError,
    MicroserviceSlowError,
)
from predictions.transports.base import Answer, Call, Transport

PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"
_Method = Callable[..., Awaitable[bytes]]
# What a caller over HTTP is told of a microservice's own failure.
STATUS_OF_CODE: Final[dict[grpc.StatusCode, int]] = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
}
_NOT_CONNECTED: Final = (
    "failed to connect",
    "connection refused",
    "dns resolution failed",
    "name resolution",
)


class GrpcTransport(Transport):
    """Calls `host:port`; a `Call`'s target is the method's full name, its body the serialized message.

    An answer of status 200 holds the reply's bytes; of any other a Status of Seldon Core as JSON.
    """

    def __init__(self, name: str, address: str, *, max_answer_bytes: int = 33_554_432) -> None:
        self.name = name
        self._address = address
        self._max_answer_bytes = max_answer_bytes
        self._channel: aio.Channel | None = None
        self._methods: dict[str, _Method] = {}
        self._closed = False

    async def call(self, call: Call, seconds: float) -> Answer:
        if self._closed:
            raise MicroserviceDownError(self.name, "the gateway lets go of it")
        method = self._methods.get(call.target) or self._method(call.target)
        try:
            body = await method(call.body, timeout=seconds, metadata=_metadata(call))
        except aio.AioRpcError as error:
            return self._failure(error, seconds)
        return Answer(200, PROTOBUF, body)

    async def close(self) -> None:
        self._closed = True
        if self._channel is not None:
            await self._channel.close()

    def _method(self, target: str) -> _Method:
        if self._channel is None:
            # Made here, because a channel belongs to the loop that is running.
            self._channel = aio.insecure_channel(self._address, options=self._options())
        found: _Method = self._channel.unary_unary(target)
        self._methods[target] = found
        return found

    def _options(self) -> list[tuple[str, int]]:
        return [
            ("grpc.max_receive_message_length", self._max_answer_bytes),
            ("grpc.max_send_message_length", -1),
            # A replica that comes back at its address is called within a second.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
            ("grpc.use_local_subchannel_pool", 1),
        ]

    def _failure(self, error: aio.AioRpcError, seconds: float) -> Answer:
        """The microservice's own failure as an answer; raises what kept it from answering."""
        code, details = error.code(), error.details() or ""
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            raise MicroserviceSlowError(self.name, seconds) from None
        if code is grpc.StatusCode.UNAVAILABLE:
            if any(words in details.lower() for words in _NOT_CONNECTED):
                raise MicroserviceDownError(self.name, "connection refused or lost") from None
            raise MicroserviceCutError(self.name) from None
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "message larger than max" in details:
            raise AnswerTooLargeError(self.name, self._max_answer_bytes) from None
        status = STATUS_OF_CODE.get(code, 500)
        said = {"code": status, "info": details, "reason": code.name, "status": "FAILURE"}
        return Answer(status, _JSON, orjson.dumps({"status": said}))


def _metadata(call: Call) -> tuple[tuple[str, str], ...]:
    """The puid and the call's header lines; a value that is no plain text is percent-encoded."""
    found = [("seldon-puid", quote(call.puid, safe=" /:", errors="replace"))] if call.puid else []
    for line in call.headers.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(": ")
        if colon and value.isascii():
            found.append((name.lower(), value))
    return tuple(found)
