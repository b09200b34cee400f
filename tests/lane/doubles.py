"""Stand-ins for what surrounds the lane: a door that knows two callers, and an ASGI caller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from common.errors import NotAuthenticatedError, QuotaExceededError
from lane.accounts import Observe
from lane.app import Lane
from lane.dialects import SELDON_SERVER
from lane.door import Door, PublicDoor
from lane.reply import Reply, json_reply
from lane.request import Request
from lane.route import Docs, Route
from lane.router import Router


@dataclass
class FakeCaller:
    client: str
    legacy_api: bool = False


class FakeDoor:
    """Knows the token `good`, must look `new` up, refuses the rest; `over` is over its quota."""

    async def resolve(self, request: Request) -> FakeCaller:
        return FakeCaller("globex")

    def verify(self, request: Request) -> FakeCaller | None:
        token = request.header(b"authorization").removeprefix("Bearer ")
        callers = {
            "good": FakeCaller("acme"),
            "legacy": FakeCaller("acme", legacy_api=True),
            "over": FakeCaller("over"),
        }
        if token == "new":
            return None
        if token not in callers:
            raise NotAuthenticatedError("who are you?")
        return callers[token]

    def admit(self, request: Request) -> None:
        if request.client == "over":
            raise QuotaExceededError("slow down", retry_after_seconds=2.2)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class AsgiCaller:
    """Calls an ASGI application with one request; body pieces arrive one message each."""

    app: Any
    sent: list[Any] = field(default_factory=list)

    async def __call__(
        self,
        method: str,
        target: str,
        pieces: Sequence[bytes] = (b"",),
        headers: Sequence[tuple[str, str]] = (("authorization", "Bearer good"),),
    ) -> Answer:
        path, _, query = target.partition("?")
        messages = [
            {"type": "http.request", "body": piece, "more_body": place < len(pieces) - 1}
            for place, piece in enumerate(pieces)
        ]

        async def receive() -> Any:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        }
        await self.app(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in sent[1:])
        names = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        # A browser refuses an answer that says twice who may read it.
        assert len(names) == len(sent[0]["headers"])
        return Answer(sent[0]["status"], names, body)


async def echo(request: Request) -> Reply:
    """Answers what it was given."""
    return json_reply(
        {
            "body": request.body.decode(),
            "query": request.query,
            "params": request.params,
            "id": request.request_id,
        }
    )


async def burst(request: Request) -> Reply:
    """Fails as nobody foresaw."""
    raise ZeroDivisionError("secret detail")


async def django_stand_in(scope: Any, receive: Any, send: Any) -> None:
    """Answers every path with 404, as Django would."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"from django"})


def make_route(path: str = "/echo", **changes: Any) -> Route:
    facts: dict[str, Any] = {
        "methods": ("GET", "POST"),
        "endpoint": echo,
        "dialect": SELDON_SERVER,
        "surface": "events",
        "docs": Docs("Echo"),
        "max_body_bytes": 1000,
    }
    return Route(path, **(facts | changes))


def make_lane(*routes: Route, body_timeout_seconds: float = 5, observe: Observe | None = None) -> Lane:
    doors: dict[str, Door] = {"token": FakeDoor(), "js": FakeDoor(), "public": PublicDoor()}
    router = Router(routes)
    return Lane(router, doors, django_stand_in, body_timeout_seconds=body_timeout_seconds, observe=observe)
