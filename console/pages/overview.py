"""The overview of the installation and the table of clients."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase

from common import clock
from console.dashboards import SORTS, client_table, installation_dashboard
from console.records import ClientTable
from console.requests import number_in, page, show, words_in
from console.spool import spool_tile
from events.selectors import late_shipping

_DEFAULT_SORT = "-requests"
_COLUMNS = (
    ("name", "Client"),
    ("events", "Events"),
    ("predictions", "Predictions"),
    ("requests", "Requests"),
    ("errors", "Errors"),
)


@page
def show_overview(request: HttpRequest) -> HttpResponseBase:
    """All clients together over the last hour, and the table of clients."""
    now = clock.now()
    dashboard = installation_dashboard(now, spool_tile())
    context = {"dashboard": dashboard, "table": _table(request), "columns": _COLUMNS, "late": late_shipping()}
    return show(request, "overview.html", "Overview", context)


@page
def show_clients(request: HttpRequest) -> HttpResponseBase:
    """The table of clients alone."""
    return show(request, "clients.html", "Clients", {"table": _table(request), "columns": _COLUMNS})


def _table(request: HttpRequest) -> ClientTable:
    sort = request.GET.get("sort", _DEFAULT_SORT)
    if sort.removeprefix("-") not in SORTS:
        sort = _DEFAULT_SORT
    search = words_in(request)
    return client_table(clock.now(), search, sort, number_in(request, "page", 1))
