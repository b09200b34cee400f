"""Where Seldon Core 0.2's OAuth gateway gave a deployment's `oauth_key` tokens, and where they are ended."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from clients import services
from clients.addresses import caller_address
from clients.errors import SignInsBusyError, TooManyFailuresError
from clients.guessing import note_too_many, retry_after
from clients.models import ConsumerKey
from clients.oauth import find_deployment_key
from clients.sign_ins import Try, sign_ins
from common import clock

# What the gateway's tokens were good for.
TOKEN_SECONDS: Final = 43_200
_GRANTS: Final = frozenset({"client_credentials", "password"})
_LONGEST_HEADER: Final = 1024


def _gateway_answer(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """POST alone; no cache keeps the answer; whoever should come again later is told when."""

    @csrf_exempt
    @sensitive_post_parameters()
    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        response = _guarded(view, request)
        response["Cache-Control"] = "no-store"
        response["Pragma"] = "no-cache"
        return response

    return answer


def _guarded(view: Callable[[HttpRequest], HttpResponse], request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        response = _oauth_error(405, "method_not_allowed", f"Request method '{request.method}' not supported")
        response["Allow"] = "POST"
        return response
    try:
        return view(request)
    except (DatabaseError, InterfaceError):
        response = _oauth_error(503, "temporarily_unavailable", "keys cannot be looked up right now")
        response["Retry-After"] = "1"
    except TooManyFailuresError as error:
        note_too_many(error, door="gateway", request=request)
        response = _refuse(request, 429, "Too Many Requests", error.message)
        response["Retry-After"] = retry_after(error)
    except SignInsBusyError as error:
        response = _refuse(request, 503, "Service Unavailable", error.message)
        response["Retry-After"] = retry_after(error)
    return response


@_gateway_answer
def gateway_token(request: HttpRequest) -> HttpResponse:
    """`POST /oauth/token`: a token that reaches the deployment, or the error in the gateway's words."""
    key = _signed_in_key(request)
    if isinstance(key, HttpResponse):
        return key
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


@_gateway_answer
def revoke_gateway_token(request: HttpRequest) -> HttpResponse:
    """`POST /oauth/revoke` (RFC 7009): ends a token of the deployment's key; of others' it tells nothing."""
    key = _signed_in_key(request)
    if isinstance(key, HttpResponse):
        return key
    text = request.POST.get("token", "")
    if not text:
        return _oauth_error(400, "invalid_request", "Missing token")
    services.revoke_deployment_token(key=key, text=text)
    return HttpResponse()


def _signed_in_key(request: HttpRequest) -> ConsumerKey | HttpResponse:
    """The deployment's key that signed this request, or what to answer when none did."""
    credentials = _basic(request.headers.get("Authorization", ""))
    if credentials is None:
        return _unauthorized(request, "Full authentication is required to access this resource")
    name, secret = credentials
    tried = Try("gateway", name, caller_address(request.META))
    key = sign_ins().judge(tried, lambda slow: find_deployment_key(name, secret, slow))
    return _unauthorized(request, "Bad credentials") if key is None else key


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


def _unauthorized(request: HttpRequest, message: str) -> HttpResponse:
    response = _refuse(request, 401, "Unauthorized", message)
    response["WWW-Authenticate"] = 'Basic realm="seldon-api"'
    return response


def _refuse(request: HttpRequest, status: int, error: str, message: str) -> HttpResponse:
    body: dict[str, Any] = {
        "timestamp": int(clock.unix_seconds() * 1000),
        "status": status,
        "error": error,
        "message": message,
        "path": request.path,
    }
    return JsonResponse(body, status=status)


def _oauth_error(status: int, error: str, description: str) -> HttpResponse:
    return JsonResponse({"error": error, "error_description": description}, status=status)
