"""A microservice that takes ten milliseconds, as a small model does: the no-op behind a sleep."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

import uvicorn

from benchmarks.references.noop_model import application

_SECONDS = 0.01


async def slow(scope: Any, receive: Any, send: Any) -> None:
    """The no-op's answer, later."""
    await asyncio.sleep(_SECONDS)
    await application(scope, receive, send)


def main(descriptor: int) -> None:
    """Serve the socket `descriptor`."""
    config = uvicorn.Config(
        slow,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=75,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
