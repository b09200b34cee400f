"""A GET of another process whose whole answer has one deadline, however slowly it comes."""

from __future__ import annotations

import http.client
import socket
from typing import Any

from common import clock


def bounded_get(host: str, port: int, path: str, *, seconds: float, most_bytes: int) -> tuple[int, bytes]:
    """Status and the first bytes of the body.

    TimeoutError when they are not there after `seconds`; OSError or HTTPException when it cannot be asked.
    """
    until = clock.monotonic() + seconds
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    with _BoundedSocket(socket.create_connection((host, port), seconds), until) as bounded:
        connection.sock = bounded
        connection.request("GET", path, headers={"Connection": "close"})
        with connection.getresponse() as answer:
            return answer.status, answer.read(most_bytes)


class _BoundedSocket(socket.socket):
    """Waits for no byte beyond a time: a timeout of its own would begin anew with each of them."""

    def __init__(self, opened: socket.socket, until: float) -> None:
        family, kind, protocol = opened.family, opened.type, opened.proto
        super().__init__(family, kind, protocol, fileno=opened.detach())
        self._until = until

    def recv_into(self, *words: Any) -> int:
        """As of every socket; TimeoutError after the time."""
        left = self._until - clock.monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not come in time")
        self.settimeout(left)
        return super().recv_into(*words)

    def sendall(self, *words: Any) -> None:
        """As of every socket, which bounds the whole of it."""
        self.settimeout(max(0.001, self._until - clock.monotonic()))
        super().sendall(*words)
