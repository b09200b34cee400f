"""What goes out over HTTP: replies, the routes that make them, and the two forms of a refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from microservice.protocol.errors import failure_body
from microservice.protocol.wire import encode_json
from microservice.requests import Call

Headers = tuple[tuple[bytes, bytes], ...]
JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"
READ = "GET, HEAD, OPTIONS"
WRITE = "POST, OPTIONS"
BOTH = "GET, HEAD, OPTIONS, POST"
V2_ROOT = "/v2"
TENSORFLOW_ROOT = "/v1/models"


class Reply(NamedTuple):
    """What goes out: status, body, its type."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: Headers = ()


ABANDONED = Reply(499, b"")


@dataclass(frozen=True, slots=True)
class Route:
    """One path: its methods, the word for it in metrics, and how it is answered."""

    allowed: str
    method: str
    answer: Callable[[Call], Awaitable[Reply]]


def fail(path: str, failure: tuple[int, str, str], headers: Headers = ()) -> Reply:
    """Return an error reply in the form of the path's protocol; `failure` is status, text and reason."""
    status, message, reason = failure
    is_plain = is_v2(path) or is_tensorflow(path)
    body = {"error": message} if is_plain else failure_body(message, reason)
    return Reply(status, encode_json(body), headers=headers)


def is_v2(path: str) -> bool:
    """Say whether a path is of the v2 protocol."""
    return path.startswith(V2_ROOT) and path[3:4] in ("", "/")


def is_tensorflow(path: str) -> bool:
    """Say whether a path is of TensorFlow Serving's interface."""
    return path.startswith(f"{TENSORFLOW_ROOT}/")


async def answer_options(route: Route) -> Reply:
    """Return which methods a path takes."""
    return Reply(200, b"", TEXT, ((b"allow", route.allowed.encode()),))


def make_constant(reply: Reply, allowed: str = READ) -> Route:
    """Return a route that always answers the same, without any of the author's code."""

    async def answer(call: Call) -> Reply:
        return reply

    return Route(allowed, "health", answer)
