"""The ASGI application in front of Django: what it knows is answered here, the rest is handed on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from common import clock
from common.errors import InvalidInputError, MethodNotAllowedError, NotFoundError, SeldonError
from common.logs import current_request
from common.parts import Part
from lane.accounts import Observe, count_answer, fault_of, note_refusal
from lane.body import DisconnectedError, Receive, read_body
from lane.door import Door
from lane.handing_on import Application, HandingOn, Send
from lane.holding import Holding
from lane.jsonp import check_callback, is_callback
from lane.reply import JAVASCRIPT, Reply
from lane.request import Request, Scope
from lane.room import BodyRoom
from lane.router import Found, Router
from lane.whole import answer_whole

logger = logging.getLogger(__name__)

_CORS: Final = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"X-Request-ID, Retry-After, Seldon-Puid, Seldon-Unit"),
]
_PREFLIGHT: Final = [
    (
        b"access-control-allow-headers",
        b"Accept, Accept-Encoding, Authorization, Content-Type, Idempotency-Key, Seldon-Puid, X-Auth-Token, "
        b"X-CSRF-Token, X-Request-ID",
    ),
    (b"access-control-max-age", b"86400"),
]


class Lane:
    """Serves the routes of `router`; `fallback` (Django) gets every other request.

    `parts` are started before the first request and stopped, last first, after the last one. `observe` is
    told of each answered request, with its status and how many seconds it took.
    """

    def __init__(
        self,
        router: Router,
        doors: Mapping[str, Door],
        fallback: Application,
        parts: Sequence[Part] = (),
        body_timeout_seconds: float = 30,
        observe: Observe | None = None,
        *,
        room: BodyRoom | None = None,
    ) -> None:
        self.router = router
        self.doors = doors
        self.fallback = fallback
        self.parts = parts
        self.body_timeout_seconds = body_timeout_seconds
        self.observe = observe
        self.holding = Holding()
        self.room = room or BodyRoom()
        self._hand_on = HandingOn(fallback, body_timeout_seconds, room=self.room)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] == "http":
            found = self.router.find(scope["path"])
            if found is not None:
                await self._serve(found, scope, receive, send)
            else:
                await self._hand_on(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self.fallback(scope, receive, send)

    async def _serve(self, found: Found, scope: Scope, receive: Receive, send: Send) -> None:
        started = clock.perf_counter()
        request = Request(scope, *found)
        current_request.set(request)
        try:
            reply = await self._answer(request, receive)
        except DisconnectedError:
            return
        finally:
            if request.held_bytes:
                self.room.let_go(request)
        seconds = clock.perf_counter() - started
        count_answer(request, reply.status, seconds)
        if self.observe is not None:
            self.observe(request, reply.status, seconds)
        if request.is_over_quota:
            await self.holding.hold(request.client)
        await _send(request, reply, send)

    async def _answer(self, request: Request, receive: Receive) -> Reply:
        try:
            return _finish(request, await self._admit_and_call(request, receive))
        except DisconnectedError:
            raise
        except SeldonError as error:
            return self._refuse(request, error)
        except Exception:
            logger.exception("unhandled error in %s %s", request.method, request.route.path)
            return self._refuse(request, fault_of(request))

    async def _admit_and_call(self, request: Request, receive: Receive) -> Reply:
        route = request.route
        method = request.method
        if method not in route.methods and not (method == "HEAD" and "GET" in route.methods):
            if method == "OPTIONS":
                return _options(request)
            if not route.is_there(request.params):
                raise NotFoundError(f"there is nothing at {route.path.format(**request.params)}")
            text = f"{method} is not a method of {route.path}; use {route.allow}"
            raise MethodNotAllowedError(text, allow=route.allow)
        door = self.doors[route.door]
        caller = door.verify(request)
        request.caller = caller if caller is not None else await door.resolve(request)
        door.admit(request)
        if route.is_jsonp:
            _check_callback(request)
        if method == "POST" or method == "PUT" or method == "PATCH":  # noqa: PLR1714 (a set is slower here)
            request.body = await read_body(request, receive, self.body_timeout_seconds, self.room)
        return await route.endpoint(request)

    def _refuse(self, request: Request, error: SeldonError) -> Reply:
        note_refusal(request, error)
        try:
            return _finish(request, request.route.dialect.write(error, request))
        except InvalidInputError as second:
            # The query string itself is what is wrong, so there is no callback to wrap with.
            return request.route.dialect.write(second, request)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        started: list[Part] = []
        try:
            for part in self.parts:
                await part.start()
                started.append(part)
        except (SeldonError, OSError) as error:
            await _stop(started)
            await send({"type": "lifespan.startup.failed", "message": f"{part.name}: {error}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await _stop(started)
        await send({"type": "lifespan.shutdown.complete"})


async def _stop(parts: Sequence[Part]) -> None:
    for part in reversed(parts):
        try:
            await part.stop()
        except (TimeoutError, SeldonError, OSError):
            logger.exception("stopping %s", part.name)


def _check_callback(request: Request) -> None:
    try:
        check_callback(request.callback)
    except InvalidInputError:
        # The refusal itself must not be wrapped with it.
        request.query.pop("jsonpCallback")
        raise


def _options(request: Request) -> Reply:
    headers = [(b"allow", request.route.allow.encode())]
    if request.route.allows_origins:
        headers += [*_PREFLIGHT, (b"access-control-allow-methods", request.route.allow.encode())]
    return Reply(status=204, headers=headers)


def _finish(request: Request, reply: Reply) -> Reply:
    if request.route.allows_origins:
        reply.headers += [*_CORS, (b"x-content-type-options", b"nosniff")]
        if request.callback and is_callback(request.callback) and reply.status != 204:
            reply.body = b"%s(%s)" % (request.callback.encode(), reply.body)
            # With nosniff a browser runs a script only under a script's type.
            reply.content_type = JAVASCRIPT
    return reply


async def _send(request: Request, reply: Reply, send: Send) -> None:
    headers = [
        (b"content-type", reply.content_type),
        (b"content-length", b"%d" % len(reply.body)),
        (b"x-request-id", request.request_id.encode()),
    ]
    if reply.status == 204 or reply.status == 304:  # noqa: PLR1714 (a set is slower here)
        del headers[:2]
    if reply.headers:
        headers += reply.headers
    body = b"" if request.scope["method"] == "HEAD" else reply.body
    if not answer_whole(request.scope, reply.status, headers, body):
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
