"""What everybody may ask over gRPC, health and reflection: small questions, a few of them read at a time.

gRPC takes any message up to the body limit whole into memory before it shows it, whoever sends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, Final
from weakref import WeakValueDictionary

import grpc
from google.protobuf.message import DecodeError
from grpc import aio
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection

MAX_BYTES: Final = 4096
# Messages that are read at once, and of those from one address: together they may take that many limits.
_AT_ONCE: Final = 8
_OF_ONE_HOST: Final = 4
# A small message arrives with its call; a large one that trickles in must not keep its place.
_READ_SECONDS: Final = 5.0
_WAIT_SECONDS: Final = 15.0
_IDLE_SECONDS: Final = 30.0
_OPEN: Final = tuple(f"/{name}/" for name in (health.SERVICE_NAME, reflection.SERVICE_NAME))
_Messages = AsyncIterator[bytes]


class Strangers(aio.ServerInterceptor):  # type: ignore[misc]
    """Reads what is asked of health and reflection itself, bounded in size and time."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._hosts: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        """The handler of the call, for what is open to everybody one that reads by itself."""
        found = await continuation(handler_call_details)
        if found is None or not handler_call_details.method.startswith(_OPEN):
            return found
        if found.unary_unary is not None:
            return grpc.stream_unary_rpc_method_handler(
                partial(self._answer, found), None, found.response_serializer
            )
        answer = self._watch if found.unary_stream is not None else self._converse
        return grpc.stream_stream_rpc_method_handler(partial(answer, found), None, found.response_serializer)

    async def _answer(self, found: Any, messages: _Messages, context: Any) -> Any:
        asked = await self._ask(found, messages, context)
        return await found.unary_unary(asked, context)

    async def _watch(self, found: Any, messages: _Messages, context: Any) -> None:
        await found.unary_stream(await self._ask(found, messages, context), context)

    async def _converse(self, found: Any, messages: _Messages, context: Any) -> None:
        async for answer in found.stream_stream(self._each(found, messages, context), context):
            await context.write(answer)

    # -- reading -----------------------------------------------------------------------------------

    async def _each(self, found: Any, messages: _Messages, context: Any) -> AsyncIterator[Any]:
        """What is asked, one after the other, until nothing is for a while."""
        raw = await self._read(messages, context)
        while raw is not None:
            yield await _parsed(found, raw, context)
            try:
                async with asyncio.timeout(_IDLE_SECONDS):
                    raw = await anext(messages, None)
            except TimeoutError:
                return

    async def _ask(self, found: Any, messages: _Messages, context: Any) -> Any:
        raw = await self._read(messages, context)
        if raw is None:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The call ended without a message.")
        return await _parsed(found, raw, context)

    async def _read(self, messages: _Messages, context: Any) -> bytes | None:
        host = context.peer().rpartition(":")[0]
        own = self._hosts.get(host) or self._hosts.setdefault(host, asyncio.Semaphore(_OF_ONE_HOST))
        try:
            async with asyncio.timeout(_WAIT_SECONDS), own, self._places, asyncio.timeout(_READ_SECONDS):
                return await anext(messages, None)
        except TimeoutError:
            words = f"The message did not arrive within {_READ_SECONDS:g} s; send it at once."
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, words)
            raise


async def _parsed(found: Any, raw: bytes | None, context: Any) -> Any:
    if raw is not None and len(raw) > MAX_BYTES:
        words = f"The message is over {MAX_BYTES} bytes, and only asks for the name of a service."
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, words)
    try:
        return found.request_deserializer(raw)
    except DecodeError:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The bytes are not the message of this method.")
        raise
