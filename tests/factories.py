"""Data for tests, made by the product's own services."""

from __future__ import annotations

from typing import Any, Final

from clients import services
from clients.models import Client
from clients.records import NO_QUOTAS, By, Caller, KeySpec, effective_scopes

TESTER: Final = By("cli:tester", "request-1")


def make_client(name: str = "acme", **options: Any) -> services.NewClient:
    """A client with its first two keys."""
    return services.setup_client(name=name, by=TESTER, **options)


def make_key(client: Client, kind: str = "all", **spec: Any) -> services.NewKey:
    """One more key of `client`."""
    return services.create_key(client=client, spec=KeySpec(kind, **spec), by=TESTER)


def make_caller(client: str = "acme", client_id: int = 1, **fields: Any) -> Caller:
    """A caller of kind `all`, for code that never sees the database."""
    given = {
        "key_id": "KEY",
        "kind": "all",
        "scopes": effective_scopes(frozenset({"all"})),
        "expires_at": float("inf"),
        "legacy_api": False,
        "origins": (),
        "quotas": NO_QUOTAS,
        **fields,
    }
    return Caller(client=client, client_id=client_id, **given)
