"""The doors for events: `/events` for servers, `/js/event/new` and `/js/events` for browsers."""

from __future__ import annotations

import re
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

import orjson

from common.errors import InvalidInputError, UnsupportedMediaError
from events.errors import EventTimestampError, NothingAcceptedError
from events.openapi import EVENTS_DOCS, JS_EVENT_DOCS, JS_EVENTS_DOCS
from events.records import Receipt, Submission
from events.services import EventIntake
from lane.dialects import SELDON_SERVER
from lane.reply import Reply, json_reply
from lane.request import Request
from lane.route import Endpoint, Route

_JSON: Final = frozenset({"", "application/json", "text/json"})
_LINES: Final = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
_FORM: Final = "application/x-www-form-urlencoded"
# Parameters of the call itself; they are no part of the event.
_RESERVED: Final = frozenset(
    {"consumer_key", "consumer_secret", "oauth_token", "client", "puid", "jsonpCallback"}
)
_LONG: Final = re.compile(r"[+-]?[0-9]{1,19}")
_LONG_MAX: Final = 2**63 - 1

Pairs = list[tuple[str, str]]


def event_routes(intake: EventIntake, max_body_bytes: int = 1_048_576) -> list[Route]:
    """The routes of events, into `intake`."""

    async def post_events(request: Request) -> Reply:
        media = request.content_type
        form: Literal["json", "lines"] = "json"
        if media not in _JSON:
            if media not in _LINES:
                raise _unsupported(media)
            form = "lines"
        submission = Submission(request.caller, "events", request.body, form, _key_of(request))
        try:
            return _answer(await intake.ingest(submission))
        except NothingAcceptedError as error:
            return _answer_nothing(request, error)

    async def js_event(request: Request) -> Reply:
        try:
            return _answer(await intake.ingest(_read_js(request)))
        except NothingAcceptedError as error:
            return _answer_nothing(request, error)

    async def js_events(request: Request) -> Reply:
        try:
            return _answer(await intake.ingest(_read_js_batch(request)))
        except NothingAcceptedError as error:
            return _answer_nothing(request, error)

    return [
        _route(post_events, max_body_bytes),
        _js_route(js_event, max_body_bytes),
        _js_batch_route(js_events, max_body_bytes),
    ]


def _route(endpoint: Endpoint, max_body_bytes: int) -> Route:
    return Route(
        "/events",
        ("POST",),
        endpoint,
        SELDON_SERVER,
        "events",
        EVENTS_DOCS,
        scope="events",
        max_body_bytes=max_body_bytes,
        is_intake=True,
    )


def _js_route(endpoint: Endpoint, max_body_bytes: int) -> Route:
    return Route(
        "/js/event/new",
        ("GET", "POST", "PUT", "PATCH", "DELETE"),
        endpoint,
        SELDON_SERVER,
        "js",
        JS_EVENT_DOCS,
        door="js",
        scope="js",
        max_body_bytes=max_body_bytes,
        is_jsonp=True,
        is_intake=True,
    )


def _js_batch_route(endpoint: Endpoint, max_body_bytes: int) -> Route:
    return Route(
        "/js/events",
        ("POST",),
        endpoint,
        SELDON_SERVER,
        "js",
        JS_EVENTS_DOCS,
        door="js",
        scope="js",
        max_body_bytes=max_body_bytes,
        is_intake=True,
    )


def _answer(receipt: Receipt) -> Reply:
    if receipt.json:
        return Reply(orjson.dumps({"json": receipt.json.decode()}))
    rejected = [rejection.as_row() for rejection in receipt.rejections]
    return json_reply({"accepted": receipt.accepted, "rejected": rejected})


def _answer_nothing(request: Request, error: NothingAcceptedError) -> Reply:
    """The error of the dialect and, beside it, the rows as every batch is answered."""
    request.error_id = error.error_id
    reply = SELDON_SERVER.write(error, request)
    rows: dict[str, Any] = {"accepted": 0, "rejected": error.data["rejected"]}
    reply.body = orjson.dumps({**orjson.loads(reply.body), **rows})
    return reply


def _key_of(request: Request) -> str | None:
    key = request.headers.get(b"idempotency-key")
    return None if key is None else key.decode("latin-1")


def _read_js(request: Request) -> Submission:
    """What a browser sent: a JSON body, the parameter `json`, or an event of its other parameters."""
    pairs, media, key = request.query_pairs, request.content_type, _key_of(request)
    if request.body and media == _FORM:
        pairs = pairs + _form_pairs(request.body)
    elif request.body and (media in _JSON or media == "text/plain"):
        return Submission(request.caller, "js", request.body, "json", key)
    elif request.body:
        raise _unsupported(media)
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    if "json" in values:
        return Submission(request.caller, "js", values["json"][0].encode("utf-8", "replace"), "json", key)
    fields = {name: found[0] for name, found in values.items() if len(found) == 1 and name not in _RESERVED}
    _check_stamp(fields.get("timestamp"))
    return Submission(request.caller, "js", orjson.dumps(fields), "fields", key)


def _read_js_batch(request: Request) -> Submission:
    """What the snippet sends: JSON as text, so that the browser need not ask first.

    A beacon sets no headers, so the idempotency key may stand in the query; the header goes first.
    """
    media, key = request.content_type, _key_of(request)
    if media in _LINES:
        form: Literal["json", "lines"] = "lines"
    elif media in _JSON or media == "text/plain":
        form = "json"
    else:
        raise _unsupported(media)
    key = request.query.get("idempotency_key") if key is None else key
    return Submission(request.caller, "js", request.body, form, key)


def _check_stamp(text: str | None) -> None:
    """A parameter `timestamp` must parse as a 64-bit integer; it is kept as the string it is."""
    if text is not None and not (_LONG.fullmatch(text) and -_LONG_MAX - 1 <= int(text) <= _LONG_MAX):
        raise EventTimestampError


def _form_pairs(body: bytes) -> Pairs:
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError as error:
        raise InvalidInputError(f"form body: {error}") from error


def _unsupported(media: str) -> UnsupportedMediaError:
    return UnsupportedMediaError(
        f"Content-Type {media!r} is not read here; send application/json, or application/x-ndjson for lines."
    )
