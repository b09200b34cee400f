"""How much memory the bodies of a worker may take at once, and how much of it one client.

A body is bounded, and so is how long it may take to arrive. But whoever sends many slowly holds them all:
a hundred and fifty connections of a stranger held 400 MB.
"""

from __future__ import annotations

from typing import Final, Protocol

from common.errors import UnavailableError

MOST_BYTES: Final = 268_435_456


class Holder(Protocol):
    """A request whose body takes memory."""

    held_bytes: int

    @property
    def client(self) -> str:
        """Whose it is; empty of strangers, who share what one client may take."""


class BodyRoom:
    """Room for `most_bytes` of bodies, one client's at most half of it."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self.held = 0
        self._most_of_one = most_bytes // 2
        self._by_client: dict[str, int] = {}

    def hold(self, holder: Holder, size: int) -> None:
        """The holder's body takes `size` bytes by now; UnavailableError when there is no room."""
        more = size - holder.held_bytes
        of_client = self._by_client.get(holder.client, 0) + more
        if self.held + more > self._most or of_client > self._most_of_one:
            raise UnavailableError("too many large bodies arrive at once; try again in a moment")
        self.held += more
        self._by_client[holder.client] = of_client
        holder.held_bytes = size

    def let_go(self, holder: Holder) -> None:
        """The holder was answered."""
        size, holder.held_bytes = holder.held_bytes, 0
        if not size:
            return
        self.held -= size
        self._by_client[holder.client] -= size
        if not self._by_client[holder.client]:
            del self._by_client[holder.client]
