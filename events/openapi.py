"""What the OpenAPI document says of the doors for events."""

from __future__ import annotations

from typing import Any, Final

from common.errors import UnsupportedMediaError
from events.errors import (
    BatchTooLargeError,
    EventMalformedError,
    EventNotObjectError,
    EventTimestampError,
    EventTooDeepError,
    IdempotencyConflictError,
    IdempotencyKeyInvalidError,
    NothingAcceptedError,
    SpoolBacklogError,
    SpoolFailedError,
    SpoolFullError,
)
from lane.route import Docs, Parameter

_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": True,
    "properties": {
        "timestamp": {"type": "integer", "description": "Unix seconds; the time of arrival when absent."}
    },
}
_STORED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["json"],
    "properties": {"json": {"type": "string", "description": "The event as it is kept."}},
}
_BATCH: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["accepted", "rejected"],
    "properties": {
        "accepted": {"type": "integer"},
        "rejected": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["index", "error_id", "error_msg"],
                "properties": {
                    "index": {"type": "integer", "description": "The row, from 0; blank lines do not count."},
                    "error_id": {"type": "integer"},
                    "error_msg": {"type": "string"},
                },
            },
        },
    },
}
_KEY: Final = Parameter(
    "Idempotency-Key",
    "1 to 255 printable ASCII characters. Requests of one client with the same key count once for 24 hours.",
    where="header",
    schema={"type": "string", "minLength": 1, "maxLength": 255},
)
_ERRORS: Final = (
    EventMalformedError,
    EventNotObjectError,
    EventTooDeepError,
    EventTimestampError,
    NothingAcceptedError,
    BatchTooLargeError,
    IdempotencyKeyInvalidError,
    IdempotencyConflictError,
    SpoolBacklogError,
    SpoolFullError,
    SpoolFailedError,
    UnsupportedMediaError,
)

EVENTS_DOCS: Final = Docs(
    "Send events",
    "One JSON object, an array of them, or one object a line (`application/x-ndjson`). Answered once the "
    "events are on this machine's disk. Each is kept byte for byte, with `client` and, when absent, "
    "`timestamp` added. A batch is taken row by row; when no row can be, the answer is 400 with the rows "
    "listed beside the error.",
    tag="events",
    parameters=(_KEY,),
    request={
        "application/json": {"oneOf": [_EVENT, {"type": "array", "items": _EVENT, "maxItems": 10_000}]},
        "application/x-ndjson": {"type": "string"},
    },
    answers={200: ("The events are kept.", {"application/json": {"oneOf": [_STORED, _BATCH]}})},
    errors=_ERRORS,
    examples={"one": {"type": "view", "item": "p-17"}, "batch": [{"type": "view"}, {"type": "buy"}]},
)
JS_EVENT_DOCS: Final = Docs(
    "Send an event from a browser",
    "The parameter `json` is the event; without it every other parameter that occurs once becomes a string "
    "field. With `jsonpCallback` the answer is wrapped. A POST may carry the event as its body.",
    tag="javascript",
    parameters=(
        Parameter("json", "The event as a JSON object."),
        Parameter("timestamp", "Unix seconds, when the event is made of parameters."),
        Parameter("jsonpCallback", "Name of the function that the answer calls."),
    ),
    request={
        "application/json": _EVENT,
        "application/x-www-form-urlencoded": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    answers={200: ("The event is kept.", {"application/json": {"oneOf": [_STORED, _BATCH]}})},
    errors=_ERRORS,
)
JS_EVENTS_DOCS: Final = Docs(
    "Send a batch of events from a browser",
    "What the snippet calls, by `fetch` or by a beacon: one JSON object, or an array of them, as "
    "`text/plain`, so that no browser sends a preflight request first. A beacon cannot set headers, so the "
    "idempotency key may stand in the query. Answered as `POST /events` is, with CORS headers for every "
    "origin; which pages may use the key is checked by `Origin`, else by `Referer`.",
    tag="javascript",
    parameters=(
        Parameter(
            "idempotency_key",
            "As the header `Idempotency-Key`, for callers that cannot set it; the header goes first.",
            schema=_KEY.schema,
        ),
        _KEY,
    ),
    request={
        "text/plain": {"type": "string", "description": "A JSON object, or an array of objects."},
        "application/json": {"oneOf": [_EVENT, {"type": "array", "items": _EVENT, "maxItems": 10_000}]},
        "application/x-ndjson": {"type": "string"},
    },
    answers={200: ("The events are kept.", {"application/json": {"oneOf": [_STORED, _BATCH]}})},
    errors=_ERRORS,
)
