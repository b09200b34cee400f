"""Where the OAuth gateway of Seldon Core 0.2 gave tokens: a deployment's `oauth_key` and `oauth_secret`."""

from __future__ import annotations

from base64 import b64decode
from typing import Any, Final

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from clients import services
from clients.oauth import find_deployment_key
from common import clock

# What the gateway's tokens were good for.
TOKEN_SECONDS: Final = 43_200
_GRANTS: Final = frozenset({"client_credentials", "password"})
_LONGEST_HEADER: Final = 1024


@csrf_exempt
@sensitive_post_parameters()
def gateway_token(request: HttpRequest) -> JsonResponse:
    """`POST /oauth/token`: a token that reaches the deployment, or the error in the gateway's words."""
    try:
        response = _answer(request)
    except (DatabaseError, InterfaceError):
        response = _oauth_error(503, "temporarily_unavailable", "keys cannot be looked up right now")
        response["Retry-After"] = "1"
    response["Cache-Control"] = "no-store"
    response["Pragma"] = "no-cache"
    return response


def _answer(request: HttpRequest) -> JsonResponse:
    if request.method != "POST":
        response = _oauth_error(405, "method_not_allowed", f"Request method '{request.method}' not supported")
        response["Allow"] = "POST"
        return response
    credentials = _basic(request.headers.get("Authorization", ""))
    if credentials is None:
        return _unauthorized(request, "Full authentication is required to access this resource")
    key = find_deployment_key(*credentials)
    if key is None:
        return _unauthorized(request, "Bad credentials")
    grant = request.POST.get("grant_type") or request.GET.get("grant_type", "")
    if not grant:
        return _oauth_error(400, "invalid_request", "Missing grant type")
    if grant not in _GRANTS:
        return _oauth_error(400, "unsupported_grant_type", f"Unsupported grant type: {grant[:100]}")
    issued = services.issue_token(key=key, seconds=TOKEN_SECONDS)
    return JsonResponse(
        {
            "access_token": issued.text,
            "token_type": "bearer",
            "expires_in": issued.expires_in_seconds,
            "scope": "read write",
        }
    )


def _basic(header: str) -> tuple[str, str] | None:
    """Name and password of HTTP Basic; None where there are none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > _LONGEST_HEADER:
        return None
    try:
        name, colon, password = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (name, password) if colon and password else None


def _unauthorized(request: HttpRequest, message: str) -> JsonResponse:
    body: dict[str, Any] = {
        "timestamp": int(clock.unix_seconds() * 1000),
        "status": 401,
        "error": "Unauthorized",
        "message": message,
        "path": request.path,
    }
    response = JsonResponse(body, status=401)
    response["WWW-Authenticate"] = 'Basic realm="seldon-api"'
    return response


def _oauth_error(status: int, error: str, description: str) -> JsonResponse:
    return JsonResponse({"error": error, "error_description": description}, status=status)
