"""RFC 9457 problems: one writer for every error below /manage, whoever raised it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InterfaceError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from clients.manage.errors import DatabaseUnavailableError
from clients.manage.unknown_paths import not_found_in_dialect
from common.errors import InternalError, SeldonError
from lane.dialects import PROBLEM, error_headers, problem_document

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = PROBLEM.media_type
_CODES: Final = {
    "parse_error": "invalid_json",
    "invalid": "invalid_input",
    "authentication_failed": "not_authenticated",
    "permission_denied": "not_allowed",
    "unsupported_media_type": "unsupported_media",
    "throttled": "quota_exceeded",
    "error": "internal",
}

Problem = dict[str, Any]


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """The answer for anything a view raised; what nobody expected is logged and answered 500."""
    request = context["request"]
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.APIException):
        return _framework_answer(error, request)
    if not isinstance(error, SeldonError):
        error = _unexpected(error)
    problem = make_problem(error.status, error.code, error.message, request)
    errors = list(_places(error))
    if errors:
        problem["errors"] = errors
    headers = {name.decode(): value.decode() for name, value in error_headers(error)}
    return Response(problem, error.status, headers=headers, content_type=MEDIA_TYPE)


def make_problem(status: int, code: str, detail: str, request: Any) -> Problem:
    """One problem document, with the id of `request`."""
    return problem_document(status, code, detail, getattr(request, "request_id", ""))


def _framework_answer(error: exceptions.APIException, request: Any) -> Response:
    """The answer for an error of the REST framework itself: parsing, validation, method, throttle."""
    own = str(getattr(error, "default_code", "error"))
    errors = list(_flatten(error.detail, "")) if isinstance(error, exceptions.ValidationError) else []
    detail = "; ".join(f"{one['pointer'] or '/'}: {one['detail']}" for one in errors) or str(error.detail)
    problem = make_problem(error.status_code, _CODES.get(own, own), detail, request)
    if errors:
        problem["errors"] = errors
    return Response(problem, error.status_code, headers=_framework_headers(error), content_type=MEDIA_TYPE)


def _framework_headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(max(1, int(error.wait)))  # type: ignore[attr-defined]
    return headers


def _flatten(detail: Any, pointer: str) -> Iterator[dict[str, str]]:
    """Every message of a validation error with the JSON pointer of the value it is about."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _flatten(
                inner, pointer if name == "non_field_errors" else f"{pointer}/{_escape(name)}"
            )
    elif isinstance(detail, list) and any(isinstance(inner, dict | list) for inner in detail):
        for place, inner in enumerate(detail):
            yield from _flatten(inner, f"{pointer}/{place}")
    elif isinstance(detail, list):
        yield from ({"pointer": pointer, "detail": str(inner)} for inner in detail)
    else:
        yield {"pointer": pointer, "detail": str(detail)}


def _escape(name: Any) -> str:
    return str(name).replace("~", "~0").replace("/", "~1")


def _places(error: SeldonError) -> Iterator[dict[str, str]]:
    """The places a service named: `errors` as they are, or one `place` with its `reason`."""
    yield from error.data.get("errors", ())
    if "place" in error.data:
        yield {"pointer": error.data["place"], "detail": str(error.data.get("reason", error.message))}


def _unexpected(error: Exception) -> SeldonError:
    """What the caller is told of an error nobody foresaw; the log gets the rest."""
    if isinstance(error, DatabaseError | InterfaceError):
        log.error("the database failed: %s", error)
        return DatabaseUnavailableError()
    log.error("unexpected %s", type(error).__name__, exc_info=error)
    return InternalError("something went wrong here; the log line with this request id tells more")


# -- outside the REST framework --------------------------------------------------------------------


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 of Django itself, as a problem except on pages for people."""
    if _is_page(request):
        return defaults.bad_request(request, exception)
    return plain_problem(request, 400, "invalid_input", "the request cannot be read")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403 of Django itself, as a problem except on pages for people."""
    if _is_page(request):
        return defaults.permission_denied(request, exception)
    return plain_problem(request, 403, "not_allowed", "this may not be done")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 of Django itself: a page for people, the words of the surface it lies below, else a problem."""
    if _is_page(request):
        return defaults.page_not_found(request, exception)
    in_dialect = not_found_in_dialect(request)
    if in_dialect is not None:
        return in_dialect
    return plain_problem(request, 404, "not_found", f"there is nothing at {request.path}")


def server_error(request: HttpRequest) -> HttpResponse:
    """500 of Django itself, as a problem except on pages for people."""
    if _is_page(request):
        return defaults.server_error(request)
    detail = "something went wrong here; the log line with this request id tells more"
    return plain_problem(request, 500, "internal", detail)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form posted without its token, as a problem except on pages for people."""
    if _is_page(request):
        return defaults.permission_denied(request, PermissionDenied(reason))
    return plain_problem(request, 403, "not_allowed", f"CSRF: {reason}")


def _is_page(request: HttpRequest) -> bool:
    return request.path.startswith("/admin")


def plain_problem(request: HttpRequest, status: int, code: str, detail: str) -> JsonResponse:
    """A problem from a view that is not the REST framework's."""
    problem = make_problem(status, code, detail, request)
    return JsonResponse(problem, status=status, content_type=MEDIA_TYPE)
