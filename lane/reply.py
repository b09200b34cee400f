"""What an endpoint answers."""

from __future__ import annotations

from typing import Any, Final

import orjson

JSON: Final = b"application/json"
JAVASCRIPT: Final = b"application/javascript; charset=utf-8"
TEXT: Final = b"text/plain; charset=utf-8"

Headers = list[tuple[bytes, bytes]]


class Reply:
    """Status, body and headers; content type and length are added when it is sent."""

    __slots__ = ("body", "content_type", "headers", "status")

    def __init__(
        self, body: bytes = b"", status: int = 200, content_type: bytes = JSON, headers: Headers | None = None
    ) -> None:
        self.body = body
        self.status = status
        self.content_type = content_type
        self.headers: Headers = headers if headers is not None else []


def json_reply(value: Any, status: int = 200, headers: Headers | None = None) -> Reply:
    """A reply with `value` as JSON."""
    return Reply(orjson.dumps(value), status, JSON, headers)
