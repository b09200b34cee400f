"""One client: its overview, its switches and quotas; and new ones."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_POST

from clients.models import Client, Quota
from clients.records import NEVER
from clients.services import (
    NewClient,
    disable_client,
    enable_client,
    get_client,
    set_legacy_api,
    set_quota,
    setup_client,
)
from common import clock
from console.dashboards import client_dashboard
from console.forms import ClientSwitchesForm, NewClientForm, QuotaForm, lines
from console.once import is_used, new_mark, remember_mark
from console.records import HOUR, WINDOWS
from console.requests import back_to, by_operator, is_done, page, show
from console.services import service_health
from console.spool import client_spool_tile


@page
def show_client(request: HttpRequest, name: str) -> HttpResponseBase:
    """What happened to the client lately."""
    client = get_client(name)
    window = WINDOWS.get(request.GET.get("window", ""), HOUR)
    context = {
        "client": client,
        "tab": "overview",
        "dashboard": client_dashboard(client, window, clock.now(), client_spool_tile(client)),
        "windows": WINDOWS.values(),
        "services": service_health(client),
        "server": request.build_absolute_uri("/").rstrip("/"),
    }
    return show(request, "client.html", f"Client {name}", context)


@page
def create_client(request: HttpRequest) -> HttpResponseBase:
    """Makes a client with its first keys, and shows the secret this once."""
    form = NewClientForm(request.POST or None, initial={"once": new_mark()})
    if is_used(request):
        return back_to(
            request, "admin:clients", told="That client was made already; its secret was shown then."
        )
    made: list[NewClient] = []

    def make() -> None:
        given = form.cleaned_data
        origins = lines(given["origins"])
        made.append(setup_client(name=given["name"], origins=origins, by=by_operator(request)))

    if is_done(request, form, make):
        remember_mark(request)
        return _show_new(request, made[0])
    return show(request, "client_new.html", "New client", {"form": form})


def _show_new(request: HttpRequest, made: NewClient) -> HttpResponse:
    context = {"client": made.client, "tab": "keys", "keys": [made.key, made.js_key], "is_new_client": True}
    return show(request, "secret.html", f"Keys of {made.client}", context)


@page
def edit_settings(request: HttpRequest, name: str) -> HttpResponseBase:
    """Switches of the client; its quotas beside them."""
    client = get_client(name)
    start = {"is_active": client.is_active, "legacy_api": client.legacy_api}
    form = ClientSwitchesForm(request.POST or None, initial=start)
    if is_done(request, form, lambda: _apply_switches(request, client, form)):
        return back_to(
            request, "admin:client_settings", name, told="Saved. Every process follows within two seconds."
        )
    return _show_settings(request, client, form, QuotaForm())


def _apply_switches(request: HttpRequest, client: Client, form: ClientSwitchesForm) -> None:
    by, given = by_operator(request), form.cleaned_data
    if given["legacy_api"] != client.legacy_api:
        set_legacy_api(client=client, is_on=given["legacy_api"], by=by)
    if given["is_active"] and not client.is_active:
        enable_client(client=client, by=by)
    elif not given["is_active"] and client.is_active:
        disable_client(client=client, by=by)


@page
@require_POST
def set_client_quota(request: HttpRequest, name: str) -> HttpResponseBase:
    """Replaces the limits of one surface."""
    client = get_client(name)
    form = QuotaForm(request.POST)

    def replace() -> None:
        surface = form.cleaned_data["surface"]
        set_quota(client=client, surface=surface, limits=form.limits(), by=by_operator(request))

    if is_done(request, form, replace):
        return back_to(request, "admin:client_settings", name, told="The quota is in force.")
    start = {"is_active": client.is_active, "legacy_api": client.legacy_api}
    return _show_settings(request, client, ClientSwitchesForm(initial=start), form)


def _show_settings(
    request: HttpRequest, client: Client, form: ClientSwitchesForm, quota_form: QuotaForm
) -> HttpResponse:
    context = {
        "client": client,
        "tab": "settings",
        "form": form,
        "quota_form": quota_form,
        "quotas": Quota.objects.for_client(client),
        "never": NEVER,
    }
    return show(request, "client_settings.html", f"Settings of {client}", context)
