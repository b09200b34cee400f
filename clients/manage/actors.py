"""Who is managing: an operator, or a client on its own things."""

from __future__ import annotations

from dataclasses import dataclass

from clients.errors import ClientMissingError


@dataclass(frozen=True, slots=True)
class Actor:
    """A caller of the management API.

    `name` is what the audit log says (`operator:<user>`, `key:<consumer key>`); `client` is the only client
    it may see, empty for an operator, who sees all.
    """

    name: str
    client: str = ""
    # REST framework and Django ask this of whatever stands in `request.user`.
    is_authenticated: bool = True

    @property
    def is_operator(self) -> bool:
        """Whether it may see and change every client."""
        return self.client == ""

    def check_client(self, name: str) -> None:
        """ClientMissingError for a client that is not this actor's: it must not even learn that it exists."""
        if not self.is_operator and name != self.client:
            raise ClientMissingError(name)
