"""Where keys become tokens: OAuth2's three endpoints and Seldon Server's /token."""

from __future__ import annotations

import json
from calendar import timegm
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from oauth2_provider.views.base import RevokeTokenView as ToolkitRevokeTokenView
from oauth2_provider.views.base import TokenView as ToolkitTokenView
from oauthlib.common import Request as OauthRequest

from clients import selectors, services
from clients.addresses import caller_address
from clients.errors import (
    ConsumerRefusedError,
    KeyMissingError,
    KeyUnknownError,
    LookupUnavailableError,
    SecretMissingError,
    SecretWrongError,
    SignInsBusyError,
    TooManyFailuresError,
)
from clients.guessing import note_too_many, retry_after
from clients.models import ConsumerKey
from clients.oauth import KeyValidator, find_key, fits
from clients.sign_ins import Try, sign_ins
from common import clock
from common.errors import MethodNotAllowedError, QuotaExceededError, SeldonError, UnavailableError
from lane.jsonp import check_callback

Dispatch = Callable[..., HttpResponseBase]

_READ_OR_POST: Final = "GET, HEAD, POST"


def _token_answer(dispatch: Dispatch) -> Dispatch:
    """No cache keeps the answer; a database that is away is 503, a refused key is asked for Basic."""

    @wraps(dispatch)
    def answer(*args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = dispatch(*args, **kwargs)
        except (DatabaseError, InterfaceError):
            response = _come_again(LookupUnavailableError())
        except SignInsBusyError as error:
            response = _come_again(error)
        except TooManyFailuresError as error:
            note_too_many(error, door="oauth2", request=_request_of(args))
            response = _come_again(error)
        if response.status_code == 405:
            response = _method_refused(response["Allow"])
        response["Cache-Control"] = "no-store"
        response["Pragma"] = "no-cache"
        if response.status_code == 401:
            response["WWW-Authenticate"] = 'Basic realm="seldon-api"'
        return response

    return answer


def _request_of(args: tuple[Any, ...]) -> HttpRequest:
    """The request among the arguments of a view's `dispatch`."""
    return next(each for each in args if isinstance(each, HttpRequest))


def _come_again(error: SeldonError) -> HttpResponse:
    # `slow_down` is what RFC 8628 has for who asks a token endpoint too often.
    word = "slow_down" if error.status == 429 else "temporarily_unavailable"
    response = _oauth_error(error.status, word, error.message)
    response["Retry-After"] = retry_after(error)
    return response


def _method_refused(allow: str) -> HttpResponse:
    response = _oauth_error(405, "invalid_request", f"use {allow}")
    response["Allow"] = allow
    return response


def _oauth_error(status: int, error: str, description: str) -> JsonResponse:
    return JsonResponse({"error": error, "error_description": description}, status=status)


@method_decorator([csrf_exempt, _token_answer, sensitive_post_parameters()], name="dispatch")
class TokenView(ToolkitTokenView):  # type: ignore[misc]
    """RFC 6749 §4.4: a key and its secret, by Basic or in the form, for an access token."""

    http_method_names: Final = ["post"]

    def post(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        """The token, or the error as RFC 6749 §5.2 words it."""
        _url, headers, body, status = self.create_token_response(request)
        return HttpResponse(body, status=status, headers=headers)


@method_decorator([csrf_exempt, _token_answer, sensitive_post_parameters()], name="dispatch")
class RevokeTokenView(ToolkitRevokeTokenView):  # type: ignore[misc]
    """RFC 7009: ends a token of the asking key."""

    http_method_names: Final = ["post"]


@method_decorator([csrf_exempt, _token_answer, sensitive_post_parameters()], name="dispatch")
class IntrospectTokenView(View):
    """RFC 7662: what a token of the asking key's client is good for; of another client's it tells nothing."""

    http_method_names: Final = ["post"]  # type: ignore[misc]

    def post(self, request: HttpRequest) -> HttpResponse:
        """`{"active": …}` with scope, client_id and exp when it is."""
        key = _authenticated_key(request)
        if key is None:
            return _oauth_error(401, "invalid_client", "the consumer key or its secret is not correct")
        text = request.POST.get("token", "")
        if not text:
            return _oauth_error(400, "invalid_request", "token is missing")
        token = selectors.live_token(text, asking=key, at=clock.now())
        if token is None:
            return JsonResponse({"active": False})
        return JsonResponse(
            {
                "active": True,
                "scope": token.scope,
                "client_id": token.application.client_id,
                "token_type": "Bearer",
                "exp": timegm(token.expires.utctimetuple()),
                "iat": timegm(token.created.utctimetuple()),
            }
        )


def _authenticated_key(request: HttpRequest) -> ConsumerKey | None:
    """The key that signed this request, by Basic or in the form."""
    headers = {name: text for name, text in request.META.items() if isinstance(text, str)}
    asking = OauthRequest(request.get_full_path(), "POST", request.POST.dict(), headers)
    return asking.client if KeyValidator().authenticate_client(asking) else None


@csrf_exempt
@sensitive_post_parameters()
def seldon_token(request: HttpRequest) -> HttpResponse:
    """Seldon Server's token call: `consumer_key` and `consumer_secret` in the query or the form."""
    callback, wait = "", ""
    try:
        callback = _read_callback(request)
        _check_method(request)
        status, body = 200, _seldon_token(request)
    except SeldonError as error:
        # As the original: 400 for whatever is wrong with the credentials.
        status = error.status if error.status in {405, 429} or error.status >= 500 else 400
        body = {"error_id": error.error_id, "error_msg": error.message, "http_response": status}
        if isinstance(error, TooManyFailuresError):
            note_too_many(error, door="token", request=request)
        if isinstance(error, QuotaExceededError | UnavailableError):
            wait = retry_after(error)
    response = _jsonp(callback, status, json.dumps(body))
    if wait:
        response["Retry-After"] = wait
    if status == 405:
        response["Allow"] = _READ_OR_POST
    return response


def _check_method(request: HttpRequest) -> None:
    if request.method not in {"GET", "HEAD", "POST"}:
        raise MethodNotAllowedError(f"{request.method} is not a method of /token; use {_READ_OR_POST}")


def _seldon_token(request: HttpRequest) -> dict[str, Any]:
    given = {**request.GET.dict(), **request.POST.dict()}
    try:
        tried = Try("token", given.get("consumer_key", "").strip(), caller_address(request.META))
        key = _signed_in_key(tried, given.get("consumer_secret", "").strip())
        issued = services.issue_token(key=key)
    except (DatabaseError, InterfaceError) as error:
        raise LookupUnavailableError from error
    return {
        "access_token": issued.text,
        "token_type": "rummblelabs",
        "token_scope": issued.scope,
        "expires_in": issued.expires_in_seconds,
        "name": "token",
    }


def _signed_in_key(tried: Try, secret: str) -> ConsumerKey:
    """The live key that these belong to; raises in the order in which Seldon Server checked."""
    if not tried.key:
        raise KeyMissingError
    if not secret:
        raise SecretMissingError
    key = find_key(tried.key)
    found = sign_ins().judge(tried, lambda slow: key if key is not None and fits(key, secret, slow) else None)
    if key is None:
        raise KeyUnknownError
    if found is None:
        raise SecretWrongError
    if not key.is_live(clock.now()):
        raise ConsumerRefusedError
    return key


def _read_callback(request: HttpRequest) -> str:
    callback = request.GET.get("jsonpCallback", "") if request.method == "GET" else ""
    check_callback(callback)
    return callback


def _jsonp(callback: str, status: int, body: str) -> HttpResponse:
    content_type = "text/javascript" if callback else "application/json"
    response = HttpResponse(
        f"{callback}({body})" if callback else body, status=status, content_type=content_type
    )
    response["Cache-Control"] = "no-store"
    # With nosniff a browser runs a script only under a script's type.
    response["X-Content-Type-Options"] = "nosniff"
    return response
