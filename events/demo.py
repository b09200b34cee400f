"""`/demo`: a page with the snippet on it, which shows what it sends and what is answered.

It is there while the client `demo` has a js key that works on it; `make run` makes one, nothing else
does. With DEBUG any js key can be named (`/demo?key=…`). A js key is no secret: each page with a
snippet shows its own.
"""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe

from clients.origins import is_allowed
from clients.selectors import live_js_keys
from common import clock

CLIENT: Final = "demo"
# As strict as a site can be with the snippet.
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


@require_safe
def demo_page(request: HttpRequest) -> HttpResponse:
    """The page; Http404 where no key would work on it."""
    key = _named_key(request) or _demo_key(request)
    if not key:
        raise Http404("no js key of the client demo works on this page")
    response = render(request, "events/demo.html", {"key": key})
    add_never_cache_headers(response)
    response["Content-Security-Policy"] = _POLICY
    return response


def _named_key(request: HttpRequest) -> str:
    return request.GET.get("key", "") if settings.DEBUG else ""


def _demo_key(request: HttpRequest) -> str:
    page = f"{request.scheme}://{request.get_host()}"
    for key in live_js_keys(CLIENT, at=clock.now()):
        if is_allowed(tuple(key.origins), page, ""):
            return str(key.client_id)
    return ""
