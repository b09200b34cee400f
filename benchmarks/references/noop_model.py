"""A microservice that does nothing: raw ASGI that reads a SeldonMessage and answers one."""

from __future__ import annotations

import socket
import sys
from typing import Any

import uvicorn

_ANSWER = b'{"data":{"names":["a","b"],"ndarray":[[0.9,0.1]]},"meta":{}}'
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_ANSWER))]


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers the same prediction to everything."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _ANSWER})


def main(descriptor: int) -> None:
    """Serve the socket `descriptor`."""
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        backlog=4096,
        timeout_keep_alive=75,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
