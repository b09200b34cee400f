"""The one listening socket of a machine, and free ports for the microservices it starts."""

from __future__ import annotations

import errno
import random
import socket
from itertools import chain
from typing import Final

from deploy.errors import AddressUnusableError, PortTakenError

_BACKLOG: Final = 4096
# Below the range from which the kernel takes the near end of outgoing connections, so that none of those
# sits on a microservice's port while it restarts.
_FIRST_PORT: Final = 20_000
_LAST_PORT: Final = 32_000


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; raises PortTakenError or AddressUnusableError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise AddressUnusableError(host, port, str(error.strerror)) from error
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind(address)
        opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(host, port) from error
        raise AddressUnusableError(host, port, str(error.strerror)) from error
    return opened


def url_of(listening: socket.socket) -> str:
    """Where a caller on this machine reaches the socket."""
    host, port = listening.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 (compared, not bound)
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_free(port: int) -> bool:
    """True when a microservice could listen on `port` of the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(taken: frozenset[int] = frozenset()) -> int:
    """A port that is free now and not in `taken`."""
    start: int = random.randrange(_FIRST_PORT, _LAST_PORT)  # noqa: S311 (spreads machines, guards nothing)
    for port in chain(range(start, _LAST_PORT), range(_FIRST_PORT, start)):
        if port not in taken and is_free(port):
            return port
    raise AddressUnusableError("127.0.0.1", 0, "no free port for a microservice")
