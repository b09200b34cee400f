"""Health and reflection over gRPC: everybody may ask, and nobody may fill the memory with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from lane.door import PublicDoor
from predictions.grpc_calls import GrpcMethods
from predictions.grpc_part import GrpcPart
from predictions.grpc_strangers import MAX_BYTES
from tests.predictions.test_grpc_transport import refusal

CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
REFLECT = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
SERVING = health_pb2.HealthCheckResponse.SERVING


@asynccontextmanager
async def door() -> AsyncIterator[aio.Channel]:
    part = GrpcPart(GrpcMethods([], PublicDoor()), "127.0.0.1:0", 1 << 20)
    await part.start()
    try:
        async with aio.insecure_channel(f"127.0.0.1:{part.port}") as channel:
            yield channel
    finally:
        await part.stop()


async def ask(channel: aio.Channel, method: str, raw: bytes) -> Any:
    if method == CHECK:
        return await channel.unary_unary(method)(raw)
    if method == WATCH:
        return await anext(aiter(channel.unary_stream(method)(raw)))
    return await anext(aiter(channel.stream_stream(method)(iter([raw]))))


@pytest.mark.parametrize("method", [CHECK, WATCH, REFLECT])
@pytest.mark.parametrize(
    ("raw", "code", "words"),
    [
        (b"\x0a" * (MAX_BYTES + 1), grpc.StatusCode.RESOURCE_EXHAUSTED, f"over {MAX_BYTES} bytes"),
        (b"\xff\xff", grpc.StatusCode.INVALID_ARGUMENT, "not the message of this method"),
        (b"x" * (1 << 21), grpc.StatusCode.RESOURCE_EXHAUSTED, "larger than max"),
    ],
    ids=["too large", "garbage", "over the limit of all"],
)
async def test_what_is_no_small_question_is_refused_in_words(
    method: str, raw: bytes, code: grpc.StatusCode, words: str
) -> None:
    async with door() as channel:
        found = await refusal(ask(channel, method, raw))
    assert found[0] is code
    assert words in found[1]


async def test_many_ask_at_once_and_each_gets_an_answer() -> None:
    async with door() as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        found = await asyncio.gather(*(stub.Check(health_pb2.HealthCheckRequest()) for _ in range(500)))
    assert {each.status for each in found} == {SERVING}


async def test_those_who_never_send_do_not_keep_others_from_asking() -> None:
    async with door() as channel:
        silent = [channel.stream_unary(CHECK)() for _ in range(3)]
        found = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert found.status == SERVING
        told = [await refusal(each) for each in silent]
    assert {code for code, _ in told} == {grpc.StatusCode.DEADLINE_EXCEEDED}


async def test_service_that_is_not_here_is_told_by_its_name() -> None:
    async with door() as channel:
        call = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="other"))
        code, words = await refusal(call)
    assert code is grpc.StatusCode.NOT_FOUND
    assert "There is no service 'other' here" in words


async def test_reflection_answers_one_question_after_the_other() -> None:
    asked = reflection_pb2.ServerReflectionRequest(list_services="*")
    async with door() as channel:
        call = channel.stream_stream(REFLECT)()
        for _ in range(3):
            await call.write(asked.SerializeToString())
            answer = reflection_pb2.ServerReflectionResponse.FromString(await call.read())
            names = {each.name for each in answer.list_services_response.service}
            assert "grpc.health.v1.Health" in names
        await call.done_writing()
        assert await call.read() is aio.EOF
