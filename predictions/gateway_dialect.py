"""How the OAuth gateway of Seldon Core 0.2 worded errors, to callers who came in by it."""

from __future__ import annotations

from typing import Any, Final

import orjson

from common.errors import InvalidJsonError, NotAuthenticatedError, SeldonError
from lane.dialects import SELDON_CORE, error_headers
from lane.reply import Reply, json_reply
from lane.request import Request
from predictions.errors import (
    AnswererMissingError,
    DeploymentMissingError,
    MicroserviceGarbageError,
    UnitNotReadyError,
)

# Its numbers, by what they say; whatever else a unit fails with is 103.
_NO_DEPLOYMENT: Final = (AnswererMissingError, DeploymentMissingError, UnitNotReadyError)
_TOKEN: Final = b"authorization"


class GatewayDialect:
    """A bare Status to the token of a deployment's key; to everybody else Seldon Core's dialect."""

    name = "seldon-core-gateway"
    media_type = SELDON_CORE.media_type
    schema: Final[dict[str, Any]] = {
        "type": "object",
        "required": ["status"],
        "properties": {
            "status": {
                "anyOf": [SELDON_CORE.schema["properties"]["status"], {"type": "string", "enum": ["FAILURE"]}]
            },
            "code": {"type": "integer"},
            "info": {"type": "string"},
            "reason": {"type": "string"},
            "error": {"type": "string"},
            "error_description": {"type": "string"},
        },
    }

    def write(self, error: SeldonError, request: Request | None) -> Reply:
        """`{"code", "info", "reason", "status": "FAILURE"}`; who is not known is told so in both forms."""
        if request is not None and request.caller is not None and request.caller.deployment:
            code, reason = _number_of(error)
            body = {"code": code, "info": error.message, "reason": reason, "status": "FAILURE"}
            return json_reply(body, error.status, error_headers(error))
        reply = SELDON_CORE.write(error, request)
        if isinstance(error, NotAuthenticatedError):
            kind = "invalid_token" if request is not None and _TOKEN in request.headers else "unauthorized"
            told = {**orjson.loads(reply.body), "error": kind, "error_description": error.message}
            return json_reply(told, error.status, error_headers(error))
        return reply


GATEWAY: Final = GatewayDialect()


def _number_of(error: SeldonError) -> tuple[int, str]:
    if isinstance(error, InvalidJsonError):
        return 101, "Invalid JSON"
    if isinstance(error, _NO_DEPLOYMENT):
        return 104, "No Running Deployment"
    if isinstance(error, MicroserviceGarbageError):
        return 105, "Invalid Response JSON"
    if error.status >= 500:
        return 103, "Microservice error"
    return error.status, error.code.upper()
