"""Reading clients for display: tokens as introspection tells them, traffic as the console draws it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from oauth2_provider.models import get_access_token_model

from clients.models import Client, ConsumerKey, TrafficMinute
from clients.tokens import hash_token, is_own_token


def live_token(text: str, *, asking: ConsumerKey, at: datetime) -> Any | None:
    """The stored token `text` if it may be used at `at` and `asking` may know of it.

    A client's key knows of that client's tokens, an operator's of all.
    """
    if not is_own_token(text):
        return None
    tokens = get_access_token_model().objects.filter(token_checksum=hash_token(text), expires__gt=at)
    token = tokens.select_related("application__tenant").first()
    if token is None or not token.application.is_live(at):
        return None
    is_known = asking.tenant is None or token.application.tenant_id == asking.tenant_id
    return token if is_known else None


def all_clients() -> QuerySet[Client]:
    """Every client by name."""
    return Client.objects.order_by("name")


def traffic_minutes(client: Client, *, since: datetime, surfaces: tuple[str, ...]) -> QuerySet[TrafficMinute]:
    """What each process saw of `client` in each minute from `since` on."""
    return TrafficMinute.objects.for_client(client).filter(minute__gte=since, surface__in=surfaces)


def live_js_keys(client_name: str, *, at: datetime) -> list[ConsumerKey]:
    """The js keys of a client that may be used at `at`, newest first; none when there is no such client."""
    client = Client.objects.filter(name=client_name).first()
    if client is None:
        return []
    keys = ConsumerKey.objects.for_client(client).filter(kind="js").order_by("-created", "-pk")
    return [key for key in keys if key.is_live(at)]
