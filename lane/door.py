"""Who may come in: the seam between the lane and what knows clients and keys."""

from __future__ import annotations

from typing import Any, Protocol

from lane.request import Request


class Door(Protocol):
    """Turns a request's credentials into a caller, from memory when they were seen before."""

    def verify(self, request: Request) -> Any | None:
        """The caller when memory knows the credentials, None when they must be looked up.

        Raises NotAuthenticatedError or NotAllowedError when memory knows them to be refused.
        """

    async def resolve(self, request: Request) -> Any:
        """The caller after a look-up off the event loop; raises as `verify`, or UnavailableError."""

    def admit(self, request: Request) -> None:
        """Count the request against the caller's quotas; raises QuotaExceededError, and may lower
        `request.max_body_bytes` to what the caller may send."""


class PublicDoor:
    """Lets everybody in, as nobody in particular."""

    def verify(self, request: Request) -> Any | None:
        """Nobody."""
        return NOBODY

    async def resolve(self, request: Request) -> Any:
        """Nobody."""
        return NOBODY

    def admit(self, request: Request) -> None:
        """No quota."""


class Nobody:
    """The caller of a public route."""

    client = ""
    legacy_api = False


NOBODY = Nobody()
