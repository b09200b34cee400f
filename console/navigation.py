"""Where the sidebar's words lead, and which of them is lit."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse


def _link(name: str) -> Callable[[HttpRequest], str]:
    return lambda request: reverse(name)


def _is_active(*pages: str) -> Callable[[HttpRequest], bool]:
    def is_active(request: HttpRequest) -> bool:
        match = request.resolver_match
        return match is not None and (match.url_name or "").startswith(pages)

    return is_active


overview_link = _link("admin:index")
clients_link = _link("admin:clients")
keys_link = _link("admin:keys")
microservices_link = _link("admin:microservices")
deployments_link = _link("admin:deployments")
runs_link = _link("admin:runs")
configuration_link = _link("admin:configuration")
audit_link = _link("admin:audit")
operators_link = _link("admin:auth_user_changelist")

is_overview_active = _is_active("index")
is_clients_active = _is_active("client")
is_keys_active = _is_active("keys")
is_microservices_active = _is_active("microservices")
is_deployments_active = _is_active("deployments")
is_runs_active = _is_active("run")
is_configuration_active = _is_active("configuration")
is_audit_active = _is_active("audit")
is_operators_active = _is_active("auth_")


def docs_link(request: HttpRequest) -> str:
    """The pages of the OpenAPI document."""
    return "/docs"


def is_docs_active(request: HttpRequest) -> bool:
    """Never: it is another site."""
    return False


def favicon(request: HttpRequest) -> str:
    """The mark, in the browser's tab and above the sidebar."""
    return static("console/mark.svg")


def stylesheet(request: HttpRequest) -> str:
    """Our own few rules."""
    return static("console/console.css")


def script(request: HttpRequest) -> str:
    """Copy buttons, and secrets that leave with the page."""
    return static("console/console.js")
