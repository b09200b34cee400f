"""A request as an endpoint of the lane sees it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import parse_qsl

from common.errors import InvalidInputError

if TYPE_CHECKING:
    from lane.route import Route

Scope = Mapping[str, Any]

_PREFIX: Final = os.urandom(6).hex() + "-"
_counter: Final = count(1)
_REQUEST_ID_LIMIT: Final = 128


class Caller(Protocol):
    """What the lane needs to know of who is calling."""

    @property
    def client(self) -> str:
        """The client's name."""

    @property
    def legacy_api(self) -> bool:
        """Whether errors on Seldon Server's paths are answered with status 200."""


class Request:
    """One request: its head from the start, its body once the lane has read it.

    `body` is what the caller sent after inflating; `params` are the named parts of the path;
    `caller` is set by the route's door; `max_body_bytes` may be lowered by the door.
    """

    # How much its body takes of the worker's room for bodies.
    held_bytes = 0
    # Set when a quota refused it.
    is_over_quota = False
    # Seldon Server's number of the error it was refused with.
    error_id = 0
    # Of a prediction, once it is known: callers over gRPC are told it with failures too.
    puid = ""

    def __init__(self, scope: Scope, route: Route, params: dict[str, str]) -> None:
        self.scope = scope
        self.route = route
        self.params = params
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.request_id = self.headers.get(b"x-request-id", b"").decode("latin-1")
        if not self.request_id or not _is_usable_id(self.request_id):
            self.request_id = make_request_id()
        self.body = b""
        self.caller: Any = None
        self.max_body_bytes = route.max_body_bytes

    @property
    def method(self) -> str:
        """The HTTP method, upper case."""
        method: str = self.scope["method"]
        return method

    @property
    def client(self) -> str:
        """The calling client's name; empty while it is not known."""
        return self.caller.client if self.caller is not None else ""

    @cached_property
    def query(self) -> dict[str, str]:
        """Query parameters; of a repeated one the first value counts."""
        raw: bytes = self.scope["query_string"]
        if not raw:
            return {}
        try:
            pairs = parse_qsl(
                raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=1000
            )
        except ValueError as error:
            raise InvalidInputError(f"query string: {error}") from error
        return dict(reversed(pairs))

    @cached_property
    def query_pairs(self) -> list[tuple[str, str]]:
        """Query parameters in order, repeated ones included."""
        raw: bytes = self.scope["query_string"]
        return parse_qsl(raw.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=1000)

    def header(self, name: bytes, default: str = "") -> str:
        """The value of header `name` (lower case)."""
        value = self.headers.get(name)
        return value.decode("latin-1") if value is not None else default

    @property
    def content_type(self) -> str:
        """The media type without parameters, lower case; empty when none was sent."""
        value = self.headers.get(b"content-type")
        return value.split(b";", 1)[0].strip().lower().decode("latin-1") if value else ""

    @property
    def callback(self) -> str:
        """The JSONP callback asked for; empty for plain JSON."""
        return self.query.get("jsonpCallback", "") if self.route.is_jsonp else ""


def make_request_id() -> str:
    """An id that no other process of this installation makes: random per process, counted within."""
    return f"{_PREFIX}{next(_counter):x}"


def _is_usable_id(text: str) -> bool:
    return len(text) <= _REQUEST_ID_LIMIT and text.isascii() and text.isprintable()
