"""How an error is written on each surface: one function per dialect, one shape each."""

from __future__ import annotations

from typing import Any, Final, Protocol

from common.errors import QuotaExceededError, SeldonError, UnavailableError
from lane.reply import Headers, Reply, json_reply
from lane.request import Request


class Dialect(Protocol):
    """Writes an error as a reply and says, for the OpenAPI document, what that looks like."""

    @property
    def name(self) -> str:
        """What the dialect is called."""

    @property
    def media_type(self) -> str:
        """The content type of its errors."""

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of its errors."""

    def write(self, error: SeldonError, request: Request | None) -> Reply:
        """`error` in this dialect; `request` is None when it could not even be read."""


class SeldonServerDialect:
    """ErrorBean of Seldon Server; a client with `legacy_api` gets it with status 200, as the original did."""

    name = "seldon-server"
    media_type = "application/json"
    schema: Final[dict[str, Any]] = {
        "type": "object",
        "required": ["error_id", "error_msg", "http_response"],
        "properties": {
            "error_id": {"type": "integer"},
            "error_msg": {"type": "string"},
            "http_response": {"type": "integer"},
            "attribute_failures": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }

    def write(self, error: SeldonError, request: Request | None) -> Reply:
        """`{"error_id", "error_msg", "http_response"[, "attribute_failures"]}`."""
        body: dict[str, Any] = {
            "error_id": error.error_id,
            "error_msg": error.message,
            "http_response": error.status,
        }
        if "attribute_failures" in error.data:
            body["attribute_failures"] = error.data["attribute_failures"]
        is_legacy = request is not None and request.caller is not None and request.caller.legacy_api
        return json_reply(body, 200 if is_legacy else error.status, error_headers(error))


class SeldonCoreDialect:
    """SeldonMessage with a FAILURE status."""

    name = "seldon-core"
    media_type = "application/json"
    schema: Final[dict[str, Any]] = {
        "type": "object",
        "required": ["status"],
        "properties": {
            "status": {
                "type": "object",
                "required": ["code", "info", "reason", "status"],
                "properties": {
                    "code": {"type": "integer"},
                    "info": {"type": "string"},
                    "reason": {"type": "string"},
                    "status": {"type": "string", "enum": ["FAILURE"]},
                },
            }
        },
    }

    def write(self, error: SeldonError, request: Request | None) -> Reply:
        """`{"status": {"code", "info", "reason", "status": "FAILURE"}}`."""
        # What went wrong inside a graph has numbers of its own in Seldon Core's engine.
        status = {
            "code": error.data.get("engine_code", error.status),
            "info": error.message,
            "reason": error.data.get("engine_reason", error.code.upper()),
            "status": "FAILURE",
        }
        return json_reply({"status": status}, error.status, error_headers(error))


class V2Dialect:
    """Open Inference Protocol."""

    name = "v2"
    media_type = "application/json"
    schema: Final[dict[str, Any]] = {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "string"}},
    }

    def write(self, error: SeldonError, request: Request | None) -> Reply:
        """`{"error": "…"}`."""
        return json_reply({"error": error.message}, error.status, error_headers(error))


class ProblemDialect:
    """RFC 9457 problem details, for operations and management."""

    name = "problem"
    media_type = "application/problem+json"
    schema: Final[dict[str, Any]] = {
        "type": "object",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"type": "string"},
            "instance": {"type": "string"},
        },
    }

    def write(self, error: SeldonError, request: Request | None) -> Reply:
        """`{"type", "title", "status", "detail", "code", "instance"}`."""
        request_id = request.request_id if request is not None else ""
        problem = problem_document(error.status, error.code, error.message, request_id)
        reply = json_reply(problem, error.status, error_headers(error))
        reply.content_type = b"application/problem+json"
        return reply


def problem_document(status: int, code: str, detail: str, request_id: str) -> dict[str, Any]:
    """One RFC 9457 problem."""
    return {
        "type": f"urn:seldon:error:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "detail": detail,
        "code": code,
        "instance": request_id,
    }


def error_headers(error: SeldonError) -> Headers:
    """Headers that belong to an error whatever its dialect: Retry-After, Allow, WWW-Authenticate."""
    headers: Headers = []
    if isinstance(error, QuotaExceededError | UnavailableError):
        seconds = max(1, round(float(error.data.get("retry_after_seconds", 1)) + 0.499))
        headers.append((b"retry-after", str(seconds).encode()))
    if error.status == 405:
        headers.append((b"allow", str(error.data.get("allow", "")).encode()))
    if error.status == 408:
        # The rest of the slow body would be taken for the next request.
        headers.append((b"connection", b"close"))
    if error.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="seldon-api"'))
    return headers


SELDON_SERVER: Final = SeldonServerDialect()
SELDON_CORE: Final = SeldonCoreDialect()
V2: Final = V2Dialect()
PROBLEM: Final = ProblemDialect()
