"""Answers over gRPC that their callers have not read yet, which gRPC keeps in memory meanwhile."""

from __future__ import annotations

from typing import Any, Final

from common.errors import UnavailableError

# Of one client in one worker; a message below the smallest counts for nothing.
MOST_BYTES: Final = 268_435_456
_SMALL_BYTES: Final = 65_536


class Unread:
    """How many bytes of large answers each client has yet to read."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._held: dict[str, int] = {}

    def check(self, client: str) -> None:
        """Raises UnavailableError when the client reads too slowly to get another answer."""
        if self._held and self._held.get(client, 0) >= self._most:
            words = f"{self._held[client]} bytes of answers are not read yet; read them and try again"
            raise UnavailableError(words)

    def hold(self, client: str, size: int, context: Any) -> None:
        """Count an answer until its call has ended."""
        if size < _SMALL_BYTES:
            return
        self._held[client] = self._held.get(client, 0) + size
        context.add_done_callback(lambda _: self._release(client, size))

    def _release(self, client: str, size: int) -> None:
        self._held[client] -= size
        if not self._held[client]:
            del self._held[client]
