"""Services of clients: what they make, what they refuse, what they tell and to whom."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password

from clients import services
from clients.errors import (
    ClientExistsError,
    ClientMissingError,
    ClientNameError,
    KeyExistsError,
    KeyInvalidError,
    KeyMissingHereError,
    QuotaInvalidError,
)
from clients.models import AuditEntry, ConsumerKey, Quota
from clients.records import UNLIMITED, Limits
from clients.services import NewClient
from common import clock
from stores.changes import subscribe
from tests.factories import TESTER, make_client, make_key

pytestmark = pytest.mark.django_db


def test_setup_makes_a_key_with_a_secret_and_a_js_key_without(acme: NewClient) -> None:
    assert len(acme.key.secret) == 40
    assert acme.key.key.kind == "all"
    assert (acme.js_key.key.kind, acme.js_key.secret) == ("js", "")


def test_default_key_text_is_twenty_upper_case_alphanumerics(acme: NewClient) -> None:
    text = acme.key.key.client_id
    assert len(text) == 20
    assert text.isalnum()
    assert text == text.upper()


def test_key_texts_may_be_given() -> None:
    new = make_client("acme", key="GIVENKEY", js_key="GIVENJS")
    assert (new.key.key.client_id, new.js_key.key.client_id) == ("GIVENKEY", "GIVENJS")


def test_secret_is_stored_only_as_a_salted_hash(acme: NewClient) -> None:
    stored = ConsumerKey.objects.for_client(acme.client).get(kind="all").client_secret
    assert stored.startswith("sha256_secret$")
    assert acme.key.secret not in stored
    assert check_password(acme.key.secret, stored)
    assert not check_password(acme.key.secret + "x", stored)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "ä", "x" * 65, "a\n"])
def test_unsafe_client_name_is_refused(name: str) -> None:
    with pytest.raises(ClientNameError):
        make_client(name)


def test_second_client_of_the_same_name_is_refused(acme: NewClient) -> None:
    with pytest.raises(ClientExistsError):
        make_client("acme")


def test_key_text_of_another_client_is_refused(acme: NewClient, globex: NewClient) -> None:
    with pytest.raises(KeyExistsError):
        make_key(globex.client, text=acme.key.key.client_id)


def test_key_of_another_client_is_invisible(acme: NewClient, globex: NewClient) -> None:
    for text in (acme.key.key.client_id, "NO\0KEY"):
        with pytest.raises(KeyMissingHereError):
            services.get_key(client=globex.client, text=text)


@pytest.mark.parametrize("name", ["nobody", "no\0body", "ä" * 5000])
def test_missing_client_is_told(name: str) -> None:
    with pytest.raises(ClientMissingError):
        services.get_client(name)


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("huge", {}),
        ("operator", {}),
        ("fine", {}),
        ("fine", {"scopes": ("everything",)}),
        ("all", {"scopes": ("events",)}),
        ("all", {"origins": ("example.com",)}),
        ("js", {"origins": ("com",)}),
        ("js", {"origins": ("3.4",)}),
        ("all", {"text": "a b c d"}),
    ],
)
def test_impossible_key_is_refused(acme: NewClient, kind: str, spec: dict[str, Any]) -> None:
    with pytest.raises(KeyInvalidError):
        make_key(acme.client, kind, **spec)


def test_origins_are_stored_as_hosts_once_each(acme: NewClient) -> None:
    new = make_key(acme.client, "js", origins=("https://Shop.Example.com:8443/x", "shop.example.com"))
    assert new.key.origins == ["shop.example.com"]


def test_rotation_leaves_the_old_key_alive_for_the_overlap(acme: NewClient) -> None:
    old = acme.key.key
    new = services.rotate_key(key=old, overlap_seconds=60, by=TESTER)
    assert new.key.kind == old.kind
    assert new.secret != acme.key.secret
    assert old.is_live(clock.now())
    assert not old.is_live(clock.now() + timedelta(seconds=61))


def test_rotation_never_prolongs_a_key(acme: NewClient) -> None:
    old = acme.key.key
    services.rotate_key(key=old, overlap_seconds=10, by=TESTER)
    services.rotate_key(key=old, overlap_seconds=1000, by=TESTER)
    assert not old.is_live(clock.now() + timedelta(seconds=11))


def test_rotation_with_an_absurd_overlap_is_refused(acme: NewClient) -> None:
    with pytest.raises(KeyInvalidError):
        services.rotate_key(key=acme.key.key, overlap_seconds=-1, by=TESTER)


def test_revoking_a_key_deletes_its_tokens_only(acme: NewClient, globex: NewClient) -> None:
    for new in (acme, globex):
        services.issue_token(key=new.key.key)
    services.revoke_key(key=acme.key.key, by=TESTER)
    assert acme.key.key.accesstoken_set.count() == 0
    assert globex.key.key.accesstoken_set.count() == 1


def test_token_text_is_nowhere_in_the_database(acme: NewClient) -> None:
    issued = services.issue_token(key=acme.key.key)
    row = acme.key.key.accesstoken_set.values().get()
    assert issued.text not in str(row)
    assert row["token"] == ""


def test_expired_tokens_are_cleared_and_live_ones_kept(acme: NewClient) -> None:
    for _ in range(2):
        services.issue_token(key=acme.key.key)
    old = acme.key.key.accesstoken_set.first()
    acme.key.key.accesstoken_set.filter(pk=old.pk).update(expires=clock.now() - timedelta(seconds=1))
    assert services.clear_expired_tokens() == 1
    assert acme.key.key.accesstoken_set.count() == 1


def test_audit_tells_who_changed_what_and_never_a_secret(acme: NewClient) -> None:
    services.disable_client(client=acme.client, by=TESTER)
    entries = list(AuditEntry.objects.for_client(acme.client))
    assert [entry.action for entry in entries] == [
        "disable_client",
        "create_key",
        "create_key",
        "setup_client",
    ]
    assert (entries[0].before, entries[0].after) == ({"is_active": True}, {"is_active": False})
    assert {entry.actor for entry in entries} == {"cli:tester"}
    assert acme.key.secret not in str([(entry.before, entry.after) for entry in entries])


def test_audit_entry_is_invisible_to_another_client(acme: NewClient, globex: NewClient) -> None:
    names = {entry.target for entry in AuditEntry.objects.for_client(globex.client)}
    assert "acme" not in names


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", ["disable", "legacy", "revoke", "rotate", "quota"])
def test_each_change_is_told_to_all_processes(acme: NewClient, change: str) -> None:
    heard: list[Any] = []
    subscribe("credentials", heard.append)
    calls: dict[str, Callable[[], Any]] = {
        "disable": lambda: services.disable_client(client=acme.client, by=TESTER),
        "legacy": lambda: services.set_legacy_api(client=acme.client, is_on=True, by=TESTER),
        "revoke": lambda: services.revoke_key(key=acme.key.key, by=TESTER),
        "rotate": lambda: services.rotate_key(key=acme.key.key, overlap_seconds=5, by=TESTER),
        "quota": lambda: services.set_quota(
            client=acme.client, surface="events", limits=Limits(5), by=TESTER
        ),
    }
    calls[change]()
    assert frozenset({"acme"}) in heard


def test_quota_is_replaced_and_taken_away(acme: NewClient) -> None:
    def set_to(limits: Limits) -> list[Limits]:
        services.set_quota(client=acme.client, surface="events", limits=limits, by=TESTER)
        return [row.limits for row in Quota.objects.for_client(acme.client)]

    assert set_to(Limits(requests_per_second=2.5)) == [Limits(requests_per_second=2.5)]
    assert set_to(Limits(max_body_bytes=10)) == [Limits(max_body_bytes=10)]
    assert set_to(UNLIMITED) == []


@pytest.mark.parametrize(
    ("surface", "limits"),
    [
        ("moon", Limits(5)),
        ("events", Limits(0.5)),
        ("events", Limits(float("nan"))),
        ("events", Limits(max_body_bytes=0)),
        ("js", Limits(events_per_day=5)),
    ],
)
def test_senseless_quota_is_refused(acme: NewClient, surface: str, limits: Limits) -> None:
    with pytest.raises(QuotaInvalidError):
        services.set_quota(client=acme.client, surface=surface, limits=limits, by=TESTER)


def test_operator_key_belongs_to_no_client() -> None:
    new = services.create_operator_key(by=TESTER)
    assert new.key.tenant is None
    assert new.key.granted_scopes == {"operator"}
