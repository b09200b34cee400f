"""One API worker process: serves the listening socket that `seldon-cli serve` hands down."""

from __future__ import annotations

import gc
import socket
import sys

import uvicorn

from lane.server import BoundedHttpProtocol
from seldon_api.asgi import application

# Reads the settings, so only after asgi has chosen them.
from django.conf import settings  # isort: skip


class WorkerProtocol(BoundedHttpProtocol):
    """The protocol with this installation's limits."""

    max_head_bytes = settings.MAX_HEAD_BYTES
    head_timeout_seconds = settings.BODY_TIMEOUT_SECONDS


def make_server() -> uvicorn.Server:
    """A server of the application; SIGTERM lets it finish what is under way, for SELDON_GRACE_SECONDS."""
    return uvicorn.Server(
        uvicorn.Config(
            application,
            loop="uvloop",
            http=WorkerProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=4096,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=max(1, round(settings.SELDON_GRACE_SECONDS)),
        )
    )


def main(descriptor: int) -> None:
    """Serve the socket `descriptor` until told to stop."""
    server = make_server()
    # What was imported lives as long as the process: no need to look through it at every collection.
    gc.collect()
    gc.freeze()
    # A full collection looks through all that is remembered of clients, and everybody waits for it.
    gc.set_threshold(700, 10, 1000)
    server.run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
