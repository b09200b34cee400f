"""What one request leaves behind on its way through a graph."""

from __future__ import annotations


class Walk:
    """The request's own facts, and where it has been.

    `routing` has the branch of every unit that was visited, -1 where there was no choice; `path` the image
    of every unit that answered. `headers` are handed to every unit; `model` is the name that the caller
    gave for all units, if the protocol has one in its path; `predictor` the one that was chosen, empty
    where there was no choice.
    """

    __slots__ = ("client", "headers", "is_logged", "model", "path", "predictor", "puid", "routing")

    def __init__(
        self, client: str, puid: str, headers: bytes = b"", model: str = "", *, is_logged: bool = True
    ) -> None:
        self.client = client
        self.puid = puid
        self.headers = headers
        self.model = model
        self.is_logged = is_logged
        self.predictor = ""
        self.routing: dict[str, int] = {}
        self.path: dict[str, str] = {}

    def bring_in_order(self, names: tuple[str, ...]) -> None:
        """Say where it has been in the order of `names`, whichever child answered first."""
        self.routing = {name: self.routing[name] for name in names if name in self.routing}
        self.path = {name: self.path[name] for name in names if name in self.path}
