"""/manage/clients…: clients, keys, quotas and the audit log over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser

from clients import services
from clients.models import AuditEntry, Client, ConsumerKey
from clients.tokens import generate_token

from .conftest import SETUP, Manage

CLIENT_PATHS = [
    ("GET", "clients/acme"),
    ("GET", "clients/acme/keys"),
    ("POST", "clients/acme/keys"),
    ("GET", "clients/acme/quotas"),
    ("GET", "audit?client=acme"),
    ("GET", "config/documents/all_clients/acme/notes"),
    ("PUT", "config/documents/all_clients/acme/notes"),
    ("GET", "config/history/all_clients/acme/notes"),
    ("GET", "config/diff/all_clients/acme/notes?before=1&after=2"),
]


def some_key(client: Client) -> ConsumerKey:
    return ConsumerKey.objects.for_client(client).filter(kind="all")[0]


# -- who may come in -------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["", "nonsense", pytest.param(generate_token(), id="well-made")])
def test_caller_without_a_known_token_is_refused(token: str) -> None:
    answer = Manage(token)("GET", "clients")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="seldon-api"'
    assert answer["Content-Type"] == "application/problem+json"


def test_token_without_scope_manage_is_refused(acme: Client, token_of: Callable[..., str]) -> None:
    answer = Manage(token_of(acme, "fine", ("events",)))("GET", "clients")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_refused")


def test_fine_scope_manage_suffices(acme: Client, token_of: Callable[..., str]) -> None:
    assert Manage(token_of(acme, "fine", ("manage",)))("POST", "clients/acme/keys").status_code == 201


def test_readonly_key_reads_and_changes_nothing(acme: Client, token_of: Callable[..., str]) -> None:
    call = Manage(token_of(acme, "readonly"))
    assert call("GET", "clients/acme/keys").status_code == 200
    assert call("POST", "clients/acme/keys").status_code == 403


def test_revoked_key_is_refused_at_once(acme: Client, as_acme: Manage) -> None:
    for key in ConsumerKey.objects.for_client(acme):
        services.revoke_key(key=key, by=SETUP)
    assert as_acme("GET", "clients").status_code == 401


@pytest.mark.parametrize(("method", "path"), CLIENT_PATHS)
def test_acme_is_invisible_to_another_client(
    method: str, path: str, acme: Client, as_globex: Manage, config_store: Any
) -> None:
    config_store.set("/all_clients/acme/notes", {"n": 1}, author="t")
    answer = as_globex(method, path)
    assert answer.status_code == 404
    missing = as_globex(method, path.replace("acme", "nobody"))
    assert answer.json()["detail"].replace("acme", "nobody") == missing.json()["detail"]


def test_key_of_acme_is_not_found_below_globex(acme: Client, as_globex: Manage) -> None:
    path = f"clients/globex/keys/{some_key(acme).client_id}"
    assert as_globex("GET", path).status_code == 404
    assert as_globex("DELETE", path).status_code == 404
    assert as_globex("POST", f"{path}/rotate").status_code == 404
    assert some_key(acme).is_active


def test_client_sees_only_itself_in_lists(globex: Client, as_acme: Manage) -> None:
    assert [row["name"] for row in as_acme("GET", "clients").json()["results"]] == ["acme"]
    entries = as_acme("GET", "audit").json()["results"]
    assert {entry["client"] for entry in entries} == {"acme"}


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "clients"), ("PATCH", "clients/acme"), ("PUT", "clients/acme/quotas")]
)
def test_what_only_operators_may_do_is_refused_to_clients(method: str, path: str, as_acme: Manage) -> None:
    answer = as_acme(method, path, {"is_active": True})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_refused")


def test_signed_in_operator_comes_in_and_needs_the_csrf_token_to_change_things(acme: Client) -> None:
    browser = Browser(enforce_csrf_checks=True, raise_request_exception=False)
    browser.force_login(User.objects.create_user("olga", is_staff=True))
    call = Manage(browser=browser)
    assert call("GET", "clients/acme").status_code == 200
    answer = call("PATCH", "clients/acme", {"is_active": False})
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    assert Client.objects.get(name="acme").is_active


def test_signed_in_person_who_is_not_staff_stays_outside(acme: Client) -> None:
    browser = Browser(raise_request_exception=False)
    browser.force_login(User.objects.create_user("eve"))
    assert Manage(browser=browser)("GET", "clients/acme").status_code == 401


# -- clients ---------------------------------------------------------------------------------------


def test_what_get_shows_of_a_client_is_accepted_by_patch(operator: Manage, acme: Client) -> None:
    shown = operator("GET", "clients/acme").json()
    changed = operator("PATCH", "clients/acme", {**shown, "legacy_api": True})
    assert (changed.status_code, changed.json()) == (200, {**shown, "legacy_api": True})
    answer = operator("PATCH", "clients/acme", {**shown, "created_at": "2020-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/created_at")


def test_what_get_shows_of_a_quota_is_accepted_by_put(operator: Manage, acme: Client) -> None:
    limits = {"surface": "events", "requests_per_second": 5.0, "max_body_bytes": None, "events_per_day": 9}
    operator("PUT", "clients/acme/quotas", limits)
    [shown] = operator("GET", "clients/acme/quotas").json()
    assert operator("PUT", "clients/acme/quotas", shown).json() == [shown]


def test_operator_sets_up_a_client_and_gets_its_secret_once(operator: Manage) -> None:
    answer = operator("POST", "clients", {"name": "acme", "origins": ["shop.example.com"]})
    body = answer.json()
    assert answer.status_code == 201
    assert (body["name"], body["is_active"], body["js_key"]["origins"]) == (
        "acme",
        True,
        ["shop.example.com"],
    )
    assert len(body["key"]["secret"]) == 40
    keys = operator("GET", "clients/acme/keys")
    assert body["key"]["secret"] not in keys.content.decode()
    assert keys.json()["count"] == 2


def test_second_client_of_a_name_conflicts(operator: Manage, acme: Client) -> None:
    answer = operator("POST", "clients", {"name": "acme"})
    assert (answer.status_code, answer.json()["code"]) == (409, "client_exists")


def test_bad_name_is_told_with_its_place(operator: Manage) -> None:
    answer = operator("POST", "clients", {"name": "a/b"})
    assert answer.status_code == 400
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/name"]


def test_client_is_disabled_enabled_and_switched(operator: Manage, acme: Client) -> None:
    assert operator("PATCH", "clients/acme", {"is_active": False}).json()["is_active"] is False
    changed = operator("PATCH", "clients/acme", {"is_active": True, "legacy_api": True}).json()
    assert (changed["is_active"], changed["legacy_api"]) == (True, True)
    actions = [entry.action for entry in AuditEntry.objects.for_client(acme)]
    assert actions[:3] == ["set_legacy_api", "enable_client", "disable_client"]


# -- keys ------------------------------------------------------------------------------------------


def test_key_is_created_rotated_with_overlap_and_revoked(as_acme: Manage, acme: Client) -> None:
    made = as_acme("POST", "clients/acme/keys", {"kind": "fine", "scopes": ["events"], "label": "shop"})
    assert made.status_code == 201
    path = f"clients/acme/keys/{made.json()['key']}"
    rotated = as_acme("POST", f"{path}/rotate", {"overlap_seconds": 60}).json()
    assert (rotated["scopes"], rotated["label"]) == (["events"], "shop")
    assert rotated["secret"] != made.json()["secret"]
    old = as_acme("GET", path).json()
    assert old["expires_at"] is not None
    assert "secret" not in old
    assert as_acme("DELETE", path).status_code == 204
    assert as_acme("GET", path).json()["is_active"] is False


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "operator"},
        {"kind": "fine"},
        {"kind": "all", "scopes": ["events"]},
        {"kind": "js", "origins": ["com"]},
        {"kind": "fine", "scopes": ["nonsense"]},
    ],
)
def test_key_that_makes_no_sense_is_refused(body: dict[str, Any], as_acme: Manage) -> None:
    assert as_acme("POST", "clients/acme/keys", body).status_code == 400


# -- quotas ----------------------------------------------------------------------------------------


def test_quota_is_set_and_read_and_taken_away(operator: Manage, as_acme: Manage) -> None:
    wanted = {"surface": "events", "requests_per_second": 50, "events_per_day": 1000}
    assert operator("PUT", "clients/acme/quotas", wanted).status_code == 200
    expected = {**wanted, "requests_per_second": 50.0, "max_body_bytes": None}
    assert as_acme("GET", "clients/acme/quotas").json() == [expected]
    assert operator("PUT", "clients/acme/quotas", {"surface": "events"}).json() == []


def test_quota_out_of_range_is_refused(operator: Manage, acme: Client) -> None:
    answer = operator("PUT", "clients/acme/quotas", {"surface": "events", "requests_per_second": 0})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/requests_per_second")


# -- audit -----------------------------------------------------------------------------------------


def test_audit_tells_who_did_what_in_which_request(operator: Manage, acme: Client) -> None:
    operator("PATCH", "clients/acme", {"is_active": False}, X_Request_ID="req-7")
    entry = operator("GET", "audit?action=disable_client").json()["results"][0]
    assert entry["actor"].startswith("key:")
    assert (entry["client"], entry["before"], entry["after"]) == (
        "acme",
        {"is_active": True},
        {"is_active": False},
    )
    assert entry["request_id"] == "req-7"


def test_audit_is_filtered_and_paged(operator: Manage, acme: Client, globex: Client) -> None:
    page = operator("GET", "audit?client=acme&limit=2").json()
    assert page["count"] == 3
    assert len(page["results"]) == 2
    assert "offset=2" in page["next"]
    assert operator("GET", "audit?since=2999-01-01T00:00:00Z").json()["count"] == 0


@pytest.mark.django_db
def test_misspelt_field_is_refused_and_lifts_no_limit(operator: Manage, acme: Client) -> None:
    limits = {"surface": "events", "requests_per_second": 10.0}
    operator("PUT", "clients/acme/quotas", limits)
    answer = operator("PUT", "clients/acme/quotas", {"surface": "events", "request_per_second": 20})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/request_per_second"
    assert operator("GET", "clients/acme/quotas").json()[0]["requests_per_second"] == 10.0


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "offset=-1", "offset=99999999999999999999", "since=soon"]
)
def test_filter_that_cannot_be_read_is_refused(query: str, operator: Manage) -> None:
    assert operator("GET", f"audit?{query}").status_code == 400
