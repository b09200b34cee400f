"""Who changed what: searchable, newest first."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase

from clients.models import AuditEntry
from clients.services import get_client
from console.paging import slice_of
from console.requests import number_in, page, show, words_in


@page
def show_audit(request: HttpRequest) -> HttpResponseBase:
    """Changes of every client and of the installation."""
    entries = AuditEntry.objects.for_all_clients().select_related("client")
    return show(request, "audit.html", "Audit", _found(request, entries))


@page
def show_client_audit(request: HttpRequest, name: str) -> HttpResponseBase:
    """Changes of one client."""
    client = get_client(name)
    entries = AuditEntry.objects.for_client(client).select_related("client")
    context = {"client": client, "tab": "audit", **_found(request, entries)}
    return show(request, "client_audit.html", f"Audit of {name}", context)


def _found(request: HttpRequest, entries: QuerySet[AuditEntry]) -> dict[str, object]:
    search = words_in(request)
    for word in search.split():
        entries = entries.filter(
            Q(actor__icontains=word)
            | Q(action__icontains=word)
            | Q(target__icontains=word)
            | Q(client__name__icontains=word)
            | Q(request_id=word)
        )
    return {"entries": slice_of(entries, number_in(request, "page", 1)), "search": search}
