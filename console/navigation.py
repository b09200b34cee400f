"""Which word of the sidebar is lit, and the files that the theme loads."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.templatetags.static import static


def _is_active(*pages: str) -> Callable[[HttpRequest], bool]:
    def is_active(request: HttpRequest) -> bool:
        match = request.resolver_match
        return match is not None and (match.url_name or "").startswith(pages)

    return is_active


is_overview_active = _is_active("index")
is_clients_active = _is_active("client")
is_keys_active = _is_active("keys")
is_microservices_active = _is_active("microservices")
is_deployments_active = _is_active("deployments")
is_runs_active = _is_active("run")
is_configuration_active = _is_active("configuration")
is_audit_active = _is_active("audit")
is_operators_active = _is_active("auth_")


def favicon(request: HttpRequest) -> str:
    """The mark, in the browser's tab and above the sidebar."""
    return static("console/mark.svg")


def stylesheet(request: HttpRequest) -> str:
    """Our own few rules."""
    return static("console/console.css")


def script(request: HttpRequest) -> str:
    """Copy buttons, and secrets that leave with the page."""
    return static("console/console.js")
