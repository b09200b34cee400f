"""Who did it: the audit entry of a change made here, and the audit log as it is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from django.db import transaction
from django.db.models import QuerySet
from rest_framework.request import Request

from clients import services
from clients.manage.actors import Actor
from clients.manage.documents import owner_name
from clients.models import AuditEntry, Client
from clients.records import By


@dataclass(slots=True)
class Change:
    """What a change was about; filled in while it happens."""

    after: dict[str, Any] = field(default_factory=dict)


def by(request: Request) -> By:
    """Who is asking, for the audit log of services."""
    actor = cast("Actor", request.user)
    return By(actor.name, getattr(request, "request_id", ""))


@contextmanager
def note_change(request: Request, action: str, path: str) -> Iterator[Change]:
    """One transaction around a change of the document at `path` and its audit entry."""
    change = Change()
    owner = owner_name(path)
    with transaction.atomic():
        yield change
        services.record_change(
            by=by(request),
            action=action,
            client=Client.objects.filter(name=owner).first() if owner else None,
            target=path,
            after=change.after,
        )


def audit_entries(actor: Actor, filters: dict[str, Any]) -> QuerySet[AuditEntry]:
    """The entries that `actor` may see and that fit `filters`, newest first."""
    entries = AuditEntry.objects.for_all_clients().select_related("client")
    if not actor.is_operator:
        entries = entries.filter(client__name=actor.client)
    lookups = {"client": "client__name", "since": "at__gte", "until": "at__lt"}
    return entries.filter(**{lookups.get(name, name): value for name, value in filters.items()})
