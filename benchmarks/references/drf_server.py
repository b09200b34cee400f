"""Serves the reference view: `python -m benchmarks.references.drf_server asgi|threads <fd>`."""

from __future__ import annotations

import os
import socket
import sys

import uvicorn
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

_APPLICATIONS = {"asgi": get_asgi_application, "threads": get_wsgi_application}
_INTERFACES = {"asgi": "asgi3", "threads": "wsgi"}


def main(kind: str, descriptor: int) -> None:
    """Serve the socket `descriptor`, as Django's async handler or as WSGI in a pool of threads."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.references.drf_settings")
    config = uvicorn.Config(
        _APPLICATIONS[kind](),
        interface=_INTERFACES[kind],
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        backlog=4096,
        timeout_keep_alive=75,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
