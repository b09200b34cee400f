"""The guard on clients' data: nothing runs until it is said whose data is meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import models

from clients.errors import OwnerNotNamedError
from clients.models import AuditEntry, Client, ConsumerKey, Quota, TrafficMinute
from clients.services import NewClient

pytestmark = pytest.mark.django_db

OWNED: list[type[models.Model]] = [AuditEntry, ConsumerKey, Quota, TrafficMinute]
RUNS: dict[str, Callable[[Any], Any]] = {
    "list": list,
    "get": lambda rows: rows.get(pk=1),
    "first": lambda rows: rows.first(),
    "count": lambda rows: rows.count(),
    "exists": lambda rows: rows.exists(),
    "aggregate": lambda rows: rows.aggregate(n=models.Count("pk")),
    "update": lambda rows: rows.update(pk=1),
    "delete": lambda rows: rows.delete(),
    "iterator": lambda rows: list(rows.iterator()),
    "values": lambda rows: list(rows.values("pk")),
    "in_bulk": lambda rows: rows.in_bulk([1]),
    "union": lambda rows: list(rows.union(rows)),
    "subquery": lambda rows: list(Client.objects.filter(pk__in=rows.values("pk"))),
}


@pytest.mark.parametrize("model", OWNED)
@pytest.mark.parametrize("run", RUNS)
def test_query_without_an_owner_is_refused(model: Any, run: str) -> None:
    with pytest.raises(OwnerNotNamedError, match=model.__name__):
        RUNS[run](model.objects.order_by("pk"))


@pytest.mark.parametrize("run", ["list", "first", "count", "exists", "aggregate", "iterator", "values"])
def test_query_for_a_client_runs(acme: NewClient, run: str) -> None:
    RUNS[run](ConsumerKey.objects.order_by("pk").for_client(acme.client))


def test_query_for_a_client_sees_no_other(acme: NewClient, globex: NewClient) -> None:
    keys = ConsumerKey.objects.for_client(acme.client)
    assert {key.tenant_id for key in keys} == {acme.client.pk}
    assert globex.key.key not in keys


def test_reverse_relation_of_a_client_runs(acme: NewClient, globex: NewClient) -> None:
    assert {key.tenant_id for key in acme.client.keys.all()} == {acme.client.pk}


def test_all_clients_must_be_asked_for_by_name(acme: NewClient, globex: NewClient) -> None:
    assert ConsumerKey.objects.for_all_clients().count() == 4
