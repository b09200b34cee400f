"""The request id of control-plane requests, as the lane handed it on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from lane.request import make_request_id


@sync_and_async_middleware
def request_id_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Sets `request.request_id`; the answer carries it too where no lane stands in front to add it."""
    if iscoroutinefunction(get_response):
        return _asynchronous(get_response)

    def middleware(request: HttpRequest) -> HttpResponse:
        is_handed_on = _take_id(request)
        return _with_id(request, get_response(request), is_handed_on)

    return middleware


def _asynchronous(
    get_response: Callable[[HttpRequest], Awaitable[HttpResponse]],
) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
    async def middleware(request: HttpRequest) -> HttpResponse:
        is_handed_on = _take_id(request)
        return _with_id(request, await get_response(request), is_handed_on)

    return middleware


def _take_id(request: HttpRequest) -> bool:
    """Note the id on the request; True when the lane made it and writes the header itself."""
    handed_on = getattr(request, "scope", {}).get("seldon.request_id")
    given = request.headers.get("X-Request-ID", "")
    is_usable = 0 < len(given) <= 128 and given.isascii() and given.isprintable()
    request.request_id = handed_on or (given if is_usable else make_request_id())  # type: ignore[attr-defined]
    return handed_on is not None


def _with_id(request: HttpRequest, response: HttpResponse, is_handed_on: bool) -> HttpResponse:
    if not is_handed_on:
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
    return response
