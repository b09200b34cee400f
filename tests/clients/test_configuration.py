"""Changes of configuration documents and what the audit log says of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clients import configuration
from clients.models import AuditEntry, Client
from clients.records import By
from stores.config import ConfigStore, get_store, use_store
from stores.config.database import DatabaseConfigStore
from stores.config.errors import ConfigConflictError

PATH = "/all_clients/acme/notes"
ADA = By("operator:ada", "request-1")

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> Iterator[ConfigStore]:
    with use_store(DatabaseConfigStore()):
        yield get_store()


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/all_clients/acme", "acme"),
        ("/all_clients/acme/algs", "acme"),
        ("/acme/offline/topics", "acme"),
        ("/config/statsd", None),
        ("/all_clients2/acme", None),
    ],
)
def test_owner_is_the_client_named_in_the_path(path: str, owner: str | None) -> None:
    assert configuration.owner_name(path) == owner


def test_each_change_is_in_the_audit_log_of_its_client_alone(store: ConfigStore) -> None:
    acme, globex = Client.objects.create(name="acme"), Client.objects.create(name="globex")
    configuration.write_document(path=PATH, text="1", by=ADA)
    configuration.roll_back_document(path=PATH, version=1, by=ADA)
    configuration.delete_document(path=PATH, by=ADA)
    entries = list(AuditEntry.objects.for_client(acme).order_by("id"))
    assert [entry.action for entry in entries] == ["write_document", "roll_back_document", "delete_document"]
    assert [entry.after for entry in entries] == [{"version": 1}, {"rolled_back_to": 1, "version": 2}, {}]
    assert {(entry.actor, entry.request_id, entry.target) for entry in entries} == {
        ("operator:ada", "request-1", PATH)
    }
    assert not AuditEntry.objects.for_client(globex).exists()


def test_document_of_the_installation_belongs_to_no_client(store: ConfigStore) -> None:
    configuration.write_document(path="/config/notes", text="1", by=ADA)
    [entry] = AuditEntry.objects.for_all_clients()
    assert (entry.client, entry.target) == (None, "/config/notes")


def test_refused_change_leaves_neither_version_nor_entry(store: ConfigStore) -> None:
    with pytest.raises(ConfigConflictError):
        configuration.write_document(path=PATH, text="1", by=ADA, expected_version=4)
    assert not AuditEntry.objects.for_all_clients().exists()
    assert store.list() == ()
