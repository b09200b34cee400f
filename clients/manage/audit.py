"""Who did it, and the audit log as it is read."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from rest_framework.request import Request

from clients.manage.actors import Actor
from clients.models import AuditEntry
from clients.records import By


def by(request: Request) -> By:
    """Who is asking, for the audit log of services."""
    actor = cast("Actor", request.user)
    return By(actor.name, getattr(request, "request_id", ""))


def audit_entries(actor: Actor, filters: dict[str, Any]) -> QuerySet[AuditEntry]:
    """The entries that `actor` may see and that fit `filters`, newest first."""
    entries = AuditEntry.objects.for_all_clients().select_related("client")
    if not actor.is_operator:
        entries = entries.filter(client__name=actor.client)
    lookups = {"client": "client__name", "since": "at__gte", "until": "at__lt"}
    return entries.filter(**{lookups.get(name, name): value for name, value in filters.items()})
