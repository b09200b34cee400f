"""gRPC to a microservice: the transport's contract, what a failure becomes, replicas that come back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import orjson
import pytest
from grpc import aio

from common.networks import read_networks
from predictions.errors import MicroserviceCutError, MicroserviceDownError, MicroserviceNotAllowedError
from predictions.transports.base import Answer, Call, Transport
from predictions.transports.grpc import PROTOBUF, GrpcTransport
from tests.certificates import Authority
from tests.contracts.transport import Model, Reaching, TransportContract, echo

Handle = Callable[[bytes, Any], Awaitable[bytes]]
METHOD = "/seldon.protos.Model/Predict"


class EveryMethod(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def service(self, handler_call_details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(self._handle)


@asynccontextmanager
async def grpc_server(handle: Handle, port: int = 0) -> AsyncIterator[int]:
    """A server that gives every call to `handle`; its port."""
    server = aio.server(handlers=[EveryMethod(handle)])
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)


async def refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    """Code and words with which `call` fails."""
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    return caught.value.code(), str(caught.value.details())


@asynccontextmanager
async def over_grpc(
    model: Model, *, delay: float = 0, max_answer_bytes: int = 10_000
) -> AsyncIterator[Transport]:
    async def handle(body: bytes, context: Any) -> bytes:
        await asyncio.sleep(delay)
        return model(Call("POST", METHOD, body)).body

    async with grpc_server(handle) as port:
        transport = GrpcTransport("model", f"127.0.0.1:{port}", max_answer_bytes=max_answer_bytes)
        yield Posting(transport)
        await transport.close()


class Posting(Transport):
    """The contract's paths are no names of methods."""

    def __init__(self, transport: GrpcTransport) -> None:
        self._transport = transport

    async def call(self, call: Call, seconds: float) -> Answer:
        return await self._transport.call(call._replace(target=METHOD), seconds)

    async def close(self) -> None:
        await self._transport.close()


@pytest.fixture
def reaching() -> Reaching:
    return over_grpc


class TestGrpcTransport(TransportContract):
    async def test_answer_comes_back_byte_for_byte(self, reaching: Reaching) -> None:
        async with reaching(echo) as transport:
            assert await transport.call(Call("POST", "/", b"\x00\xff"), 5) == Answer(
                200, PROTOBUF, b"\x00\xff"
            )

    @pytest.mark.parametrize(
        ("code", "status"),
        [
            (grpc.StatusCode.INVALID_ARGUMENT, 400),
            (grpc.StatusCode.UNKNOWN, 500),
            (grpc.StatusCode.UNIMPLEMENTED, 501),
            (grpc.StatusCode.RESOURCE_EXHAUSTED, 429),
        ],
    )
    async def test_an_error_status_is_an_answer(self, code: grpc.StatusCode, status: int) -> None:
        async def refuse(body: bytes, context: Any) -> bytes:
            await context.abort(code, "no luck")
            return b""

        async with grpc_server(refuse) as port:
            transport = GrpcTransport("model", f"127.0.0.1:{port}")
            answer = await transport.call(Call("POST", METHOD), 5)
            await transport.close()
        said = {"code": status, "info": "no luck", "reason": code.name, "status": "FAILURE"}
        assert (answer.status, orjson.loads(answer.body)) == (status, {"status": said})


async def test_puid_and_header_lines_become_metadata() -> None:
    found: dict[str, str] = {}

    async def note(body: bytes, context: Any) -> bytes:
        found.update(context.invocation_metadata())
        return b""

    async with grpc_server(note) as port:
        transport = GrpcTransport("model", f"127.0.0.1:{port}")
        headers = b"X-Request-ID: r1\r\ntraceparent: 00-1\r\nuber-trace-id: \xe9\r\n"
        await transport.call(Call("POST", METHOD, puid="päid 1", headers=headers), 5)
        await transport.close()
    assert (found["seldon-puid"], found["x-request-id"], found["traceparent"]) == (
        "p%C3%A4id 1",
        "r1",
        "00-1",
    )
    assert "uber-trace-id" not in found


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2"),
        (grpc.StatusCode.CANCELLED, "RST_STREAM with error code 8"),
        (grpc.StatusCode.UNKNOWN, "Stream removed"),
        (grpc.StatusCode.UNAVAILABLE, "Stream removed (Socket closed)"),
    ],
)
async def test_stream_that_ends_without_an_answer_is_cut_by_whatever_code_it_is_told(
    code: grpc.StatusCode, words: str
) -> None:
    async def end(body: bytes, context: Any) -> bytes:
        await context.abort(code, words)
        return b""

    async with grpc_server(end) as port:
        transport = GrpcTransport("model", f"127.0.0.1:{port}")
        with pytest.raises(MicroserviceCutError):
            await transport.call(Call("POST", METHOD), 5)
        await transport.close()


async def test_replica_that_comes_back_is_called_again_soon() -> None:
    async def answer(body: bytes, context: Any) -> bytes:
        return b"back"

    async with grpc_server(answer) as port:
        transport = GrpcTransport("model", f"127.0.0.1:{port}")
        await transport.call(Call("POST", METHOD), 5)
    with pytest.raises((MicroserviceDownError, MicroserviceCutError)):
        await transport.call(Call("POST", METHOD), 5)
    async with grpc_server(answer, port):
        async with asyncio.timeout(30):
            while (found := await said(transport)) != b"back":
                await asyncio.sleep(0.05)
    await transport.close()
    assert found == b"back"


async def said(transport: Transport) -> bytes:
    try:
        return (await transport.call(Call("POST", METHOD), 5)).body
    except (MicroserviceDownError, MicroserviceCutError) as error:
        return error.code.encode()


async def echoing(body: bytes, context: Any) -> bytes:
    return body


async def test_address_outside_the_networks_is_not_called() -> None:
    async with grpc_server(echoing) as port:
        transport = GrpcTransport("iris", f"127.0.0.1:{port}", networks=read_networks(["10.0.0.0/8"]))
        with pytest.raises(MicroserviceNotAllowedError):
            await transport.call(Call("POST", METHOD), 5)
        await transport.close()


async def test_name_is_looked_up_again_when_its_address_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ["127.0.0.2", "127.0.0.1"]

    async def resolve(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found.pop(0), port))]

    async with grpc_server(echoing) as port:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        transport = GrpcTransport("iris", f"iris.test:{port}", networks=read_networks(["127.0.0.0/8"]))
        with pytest.raises(MicroserviceDownError):
            await transport.call(Call("POST", METHOD, b"x"), 5)
        assert (await transport.call(Call("POST", METHOD, b"x"), 5)).body == b"x"
        await transport.close()
    assert found == []


@pytest.mark.parametrize("networks", [[], ["127.0.0.0/8"]], ids=["anywhere", "in networks"])
async def test_tls_is_spoken_with_whom_this_machine_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, networks: list[str]
) -> None:
    ours, others = Authority(tmp_path), Authority(tmp_path, "others")
    begin = b"-----BEGIN CERTIFICATE-----"
    key, _, certificate = ours.issue("localhost").read_bytes().partition(begin)
    server = aio.server(handlers=[EveryMethod(echoing)])
    port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([(key, begin + certificate)]))
    await server.start()
    for authority in (ours, others):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.pem))
        transport = GrpcTransport("iris", f"localhost:{port}", is_tls=True, networks=read_networks(networks))
        if authority is ours:
            assert (await transport.call(Call("POST", METHOD, b"x"), 5)).body == b"x"
        else:
            with pytest.raises(MicroserviceDownError):
                await transport.call(Call("POST", METHOD, b"x"), 5)
        await transport.close()
    await server.stop(0)


async def test_unavailable_that_the_microservice_says_is_its_own_word() -> None:
    async def refuse(body: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "no room")
        return b""

    async with grpc_server(refuse) as port:
        transport = GrpcTransport("model", f"127.0.0.1:{port}")
        answer = await transport.call(Call("POST", METHOD), 5)
        await transport.close()
    assert (answer.status, orjson.loads(answer.body)["status"]["info"]) == (503, "no room")


async def test_failure_that_is_told_at_too_great_a_length_is_the_microservices() -> None:
    async def handle(raw: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.INTERNAL, "x" * 100_000)
        return b""

    async with grpc_server(handle) as port:
        transport = GrpcTransport("iris", f"127.0.0.1:{port}")
        answer = await transport.call(Call("POST", METHOD, b""), 5.0)
        await transport.close()
    assert answer.status == 500
