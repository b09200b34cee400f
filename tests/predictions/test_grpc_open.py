"""Health and reflection are for everybody, in few streams at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from predictions.grpc_open import add_open_services

MOST = 2


@pytest.fixture
async def channel() -> AsyncIterator[aio.Channel]:
    async with AsyncExitStack() as stack:
        server = aio.server()
        await add_open_services(server, ["some.Service"], MOST)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        stack.push_async_callback(server.stop, None)
        yield await stack.enter_async_context(aio.insecure_channel(f"127.0.0.1:{port}"))


def watch(channel: aio.Channel) -> Any:
    return health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service="some.Service"))


async def endless() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
    yield reflection_pb2.ServerReflectionRequest(list_services="")
    await asyncio.Event().wait()


async def is_refused(stream: Any) -> bool:
    try:
        await anext(aiter(stream))
    except aio.AioRpcError as error:
        return error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    stream.cancel()
    return False


def reflect(channel: aio.Channel) -> Any:
    return reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(endless())


@pytest.mark.parametrize("ask", [watch, reflect])
async def test_further_streams_are_refused_until_one_ends(channel: aio.Channel, ask: Any) -> None:
    streams = [ask(channel) for _ in range(MOST)]
    for stream in streams:
        await stream.read()
    assert await is_refused(ask(channel))
    check = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="some.Service"))
    assert (await check).status == health_pb2.HealthCheckResponse.SERVING
    streams.pop().cancel()
    while await is_refused(ask(channel)):
        await asyncio.sleep(0)
    for stream in streams:
        stream.cancel()
