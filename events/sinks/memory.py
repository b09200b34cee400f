"""A sink that keeps records in memory: for tests, and for trying things out."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Sequence
from dataclasses import dataclass

from common.errors import SeldonError
from events.sinks.base import NO_ENDS, Sink


@dataclass(frozen=True, slots=True)
class Kept:
    """One record as it was appended."""

    stream: str
    client: str
    objects: tuple[bytes, ...]
    key_hash: bytes = b""


class MemorySink(Sink):
    """Keeps everything in `records`; refuses with `failure` while one is set."""

    name = "memory"

    def __init__(self) -> None:
        self.records: list[Kept] = []
        self.failure: SeldonError | None = None

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""

    def problem(self) -> str | None:
        return self.failure.message if self.failure else None

    def append(
        self,
        stream: str,
        client: str,
        objects: Sequence[bytes],
        key_hash: bytes = b"",
        ends: tuple[bytes, bytes] = NO_ENDS,
    ) -> Future[None]:
        future: Future[None] = asyncio.get_running_loop().create_future()
        if self.failure:
            future.set_exception(self.failure)
        else:
            self.records.append(
                Kept(stream, client, tuple(ends[0] + text + ends[1] for text in objects), key_hash)
            )
            future.set_result(None)
        return future

    def append_nowait(self, stream: str, client: str, objects: Sequence[bytes]) -> None:
        if not self.failure:
            self.records.append(Kept(stream, client, tuple(objects)))
