"""Unary gRPC calls to one microservice over one connection; messages stay bytes."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import grpc
import orjson
from grpc import aio

from common.networks import Network, is_allowed
from predictions.errors import (
    AnswerTooLargeError,
    MicroserviceCutError,
    MicroserviceDownError,
    MicroserviceGarbageError,
    MicroserviceNotAllowedError,
    MicroserviceSlowError,
)
from predictions.transports.base import Answer, Call, Transport

PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"
_Method = Callable[..., Awaitable[bytes]]
_LEAVE_SECONDS: Final = 30.0
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
    grpc.StatusCode.UNAVAILABLE: 503,
}
# gRPC tells by its words alone whether UNAVAILABLE is the microservice's own answer or the connection's end.
_NOT_CONNECTED: Final = ("failed to connect", "connection refused")
_NOT_FOUND: Final = ("dns resolution failed", "name resolution", "errors resolving")
_CUT: Final = (
    "socket closed",
    "cancelling all calls",
    "connection reset",
    "goaway",
    "broken pipe",
    "stream removed",
    "transport closed",
    "endpoint closing",
    "recvmsg",
    "ipv4:",
    "ipv6:",
)


# A stream that ends without an answer, in the words of gRPC and of no microservice.
_ENDED: Final = (grpc.StatusCode.INTERNAL, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN)
_RESET: Final = ("received rst_stream", "rst_stream with error code", "stream removed", "stream closed")


class GrpcTransport(Transport):
    """Calls `host:port`, with TLS where it says so; a `Call`'s target is the method's full name, its body the
    serialized message. With `networks`, connections are made only to addresses in them.

    An answer of status 200 holds the reply's bytes; of any other a Status of Seldon Core as JSON.
    """

    def __init__(
        self,
        name: str,
        address: str,
        *,
        max_answer_bytes: int = 33_554_432,
        networks: tuple[Network, ...] = (),
        is_tls: bool = False,
    ) -> None:
        self.name = name
        self._address = address
        self._max_answer_bytes = max_answer_bytes
        self._networks = networks
        self._is_tls = is_tls
        self._channel: aio.Channel | None = None
        self._methods: dict[str, _Method] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def call(self, call: Call, seconds: float) -> Answer:
        if self._closed:
            raise MicroserviceDownError(self.name, "the gateway lets go of it")
        if self._networks and self._channel is None:
            seconds -= await self._open_within(seconds)
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
        await asyncio.gather(*self._closing)

    # -- the connection ----------------------------------------------------------------------------

    def _method(self, target: str) -> _Method:
        if self._channel is None:
            # Made here, because a channel belongs to the loop that is running.
            self._channel = self._open(self._address)
        found: _Method = self._channel.unary_unary(target)
        self._methods[target] = found
        return found

    def _open(self, target: str) -> aio.Channel:
        if self._is_tls:
            return aio.secure_channel(target, _credentials(), options=self._options())
        return aio.insecure_channel(target, options=self._options())

    async def _open_within(self, seconds: float) -> float:
        """Connect only to addresses in the networks; how long finding them took.

        The addresses that are judged are the ones connected to, as over HTTP.
        """
        loop = asyncio.get_running_loop()
        started, parts = loop.time(), urlsplit(f"//{self._address}")
        try:
            async with asyncio.timeout(seconds):
                found = await loop.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
        except TimeoutError:
            raise MicroserviceSlowError(self.name, seconds) from None
        except OSError as error:
            raise MicroserviceDownError(self.name, error.strerror or "its name is not found") from None
        places = [(family, place) for family, *_, place in found if is_allowed(str(place[0]), self._networks)]
        if not places:
            raise MicroserviceNotAllowedError(self.name)
        if self._channel is None and not self._closed:
            self._channel = self._open(_target(places))
        return loop.time() - started

    def _look_up_again(self) -> None:
        """Have the next call find the addresses anew; calls under way end."""
        if self._networks and self._channel is not None and not self._closed:
            task = asyncio.get_running_loop().create_task(self._channel.close(_LEAVE_SECONDS))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
            self._channel, self._methods = None, {}

    def _options(self) -> list[tuple[str, int | str]]:
        host = urlsplit(f"//{self._address}").hostname or ""
        named = [("grpc.default_authority", self._address), ("grpc.ssl_target_name_override", host)]
        return [
            *(named if self._networks else ()),
            # As over HTTP: a proxy of the environment is for people's calls.
            ("grpc.enable_http_proxy", 0),
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
            self._raise_lost(details.lower())
        if code in _ENDED and details.lower().startswith(_RESET):
            raise MicroserviceCutError(self.name) from None
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "message larger than max" in details:
            raise AnswerTooLargeError(self.name, self._max_answer_bytes) from None
        # gRPC's own words for a failure that was told at too great a length.
        is_cut = code is grpc.StatusCode.RESOURCE_EXHAUSTED and "metadata size exceeds" in details
        status = 500 if is_cut else STATUS_OF_CODE.get(code, 500)
        said = {"code": status, "info": details, "reason": code.name, "status": "FAILURE"}
        return Answer(status, _JSON, orjson.dumps({"status": said}))

    def _raise_lost(self, details: str) -> None:
        """Raises where the connection failed and not the microservice."""
        if "failed parsing http/2" in details:
            raise MicroserviceGarbageError(self.name, "HTTP/1.1 or something else, not gRPC") from None
        if any(words in details for words in _NOT_FOUND):
            self._look_up_again()
            raise MicroserviceDownError(self.name, "its name is not found") from None
        if any(words in details for words in _NOT_CONNECTED):
            self._look_up_again()
            raise MicroserviceDownError(self.name, "connection refused or lost") from None
        if any(words in details for words in _CUT):
            raise MicroserviceCutError(self.name) from None


def _credentials() -> grpc.ChannelCredentials:
    """The authorities that this machine trusts; gRPC's own where it says none."""
    file = ssl.get_default_verify_paths().cafile
    return grpc.ssl_channel_credentials(Path(file).read_bytes() if file else None)


def _target(places: Sequence[tuple[int, Any]]) -> str:
    """The addresses as gRPC takes them, those of the first one's family."""
    family = places[0][0]
    found = [place[:2] for kind, place in places if kind == family]
    if family == socket.AF_INET6:
        return "ipv6:" + ",".join(f"[{host}]:{port}" for host, port in found)
    return "ipv4:" + ",".join(f"{host}:{port}" for host, port in found)


def _metadata(call: Call) -> tuple[tuple[str, str], ...]:
    """The puid and the call's header lines; a value that is no plain text is percent-encoded."""
    found = [("seldon-puid", quote(call.puid, safe=" /:", errors="replace"))] if call.puid else []
    for line in call.headers.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(": ")
        if colon and value.isascii():
            found.append((name.lower(), value))
    return tuple(found)
