"""The admin site: the theme's, with our pages, our sign-in and nobody else's registrations."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponsePermanentRedirect
from django.urls import URLPattern, path
from unfold.sites import UnfoldAdminSite

from console.login import WINDOW


class ConsoleSite(UnfoldAdminSite):  # type: ignore[misc]
    """Every page of ours goes through `admin_view`: staff only, never cached, CSRF-protected."""

    def extra_urls(self) -> list[URLPattern]:
        """Our pages; the theme puts them before Django's own."""
        from console.urls import PAGES  # noqa: PLC0415 (pages render in this site, so they come after it)

        return [path(route, self.admin_view(view), name=name) for route, name, view in PAGES]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """The overview of the installation."""
        from console.pages.overview import show_overview  # noqa: PLC0415 (see extra_urls)

        return show_overview(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Django's, with 429 while the door is closed and 503 while too many wait before it."""
        response: HttpResponse = super().login(request, extra_context)
        form = (getattr(response, "context_data", {}) or {}).get("form")
        if getattr(form, "is_closed", False):
            response.status_code = 429
            response["Retry-After"] = str(int(WINDOW.total_seconds()))
        elif getattr(form, "is_busy", False):
            response.status_code = 503
            response["Retry-After"] = "3"
        return response

    def catch_all_view(self, request: HttpRequest, url: str) -> HttpResponse:
        """An address without its last slash is meant with it."""
        if request.method in {"GET", "HEAD"} and not url.endswith("/"):
            return HttpResponsePermanentRedirect(f"{request.path}/")
        from console.requests import show  # noqa: PLC0415 (see extra_urls)

        return show(request, "problem.html", "Not found", {"message": "There is no such page."}, status=404)
