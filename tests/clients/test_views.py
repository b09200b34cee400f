"""Where keys become tokens: OAuth2 and Seldon Server's call, and what they must never tell."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client as Browser

from clients import services, views
from clients.models import ConsumerKey
from clients.services import NewClient, NewKey
from clients.tokens import hash_token, is_own_token
from common import clock
from stores.changes import subscribe
from tests.factories import TESTER, make_key

pytestmark = pytest.mark.django_db


def basic(key: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()}


def signed(new: NewKey) -> dict[str, str]:
    return basic(new.key.client_id, new.secret)


def ask(client: Browser, new: NewKey, **form: str) -> Any:
    return client.post("/o/token/", {"grant_type": "client_credentials", **form}, headers=signed(new))


# -- /o/token/ --------------------------------------------------------------------------------------


def test_key_and_secret_by_basic_give_a_token(client: Browser, acme: NewClient) -> None:
    answer = ask(client, acme.key)
    body = answer.json()
    assert answer.status_code == 200
    assert is_own_token(body["access_token"])
    assert (body["token_type"], body["scope"], body["expires_in"]) == ("Bearer", "all", 6000)
    assert answer["Cache-Control"] == "no-store"


def test_key_and_secret_in_the_form_give_a_token(client: Browser, acme: NewClient) -> None:
    form = {"client_id": acme.key.key.client_id, "client_secret": acme.key.secret}
    answer = client.post("/o/token/", {"grant_type": "client_credentials", **form})
    assert answer.status_code == 200


def test_only_a_checksum_of_the_token_is_stored(client: Browser, acme: NewClient) -> None:
    text = ask(client, acme.key).json()["access_token"]
    row = acme.key.key.accesstoken_set.get()
    assert (row.token, row.token_checksum) == ("", hash_token(text))


@pytest.mark.parametrize("how", ["secret", "key", "disabled client", "revoked", "expired", "js", "js secret"])
def test_whoever_may_not_sign_in_gets_invalid_client(client: Browser, acme: NewClient, how: str) -> None:
    key, secret = acme.key.key.client_id, acme.key.secret
    match how:
        case "secret":
            secret = "wrong"
        case "key":
            key = "UNKNOWN"
        case "disabled client":
            services.disable_client(client=acme.client, by=TESTER)
        case "revoked":
            services.revoke_key(key=acme.key.key, by=TESTER)
        case "expired":
            ConsumerKey.objects.for_client(acme.client).update(expires_at=clock.now() - timedelta(seconds=1))
        case "js":
            key, secret = acme.js_key.key.client_id, ""
        case "js secret":
            key = acme.js_key.key.client_id
    answer = client.post("/o/token/", {"grant_type": "client_credentials"}, headers=basic(key, secret))
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert answer["WWW-Authenticate"].startswith("Basic")


def test_scope_within_the_keys_is_granted(client: Browser, acme: NewClient) -> None:
    assert ask(client, acme.key, scope="events predict").json()["scope"] == "events predict"


@pytest.mark.parametrize("scope", ["operator", "js", "nonsense", "all operator"])
def test_scope_beyond_the_keys_is_refused(client: Browser, acme: NewClient, scope: str) -> None:
    answer = ask(client, acme.key, scope=scope)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_fine_key_gets_its_own_scopes_only(client: Browser, acme: NewClient) -> None:
    new = make_key(acme.client, "fine", scopes=("events",))
    assert ask(client, new).json()["scope"] == "events"
    assert ask(client, new, scope="all").status_code == 400


@pytest.mark.parametrize(
    ("grant", "error"),
    [
        ("password", "unsupported_grant_type"),
        ("refresh_token", "unsupported_grant_type"),
        ("authorization_code", "unsupported_grant_type"),
        ("urn:ietf:params:oauth:grant-type:device_code", "unsupported_grant_type"),
        ("", "invalid_request"),
    ],
)
def test_other_grants_are_refused(client: Browser, acme: NewClient, grant: str, error: str) -> None:
    answer = ask(client, acme.key, grant_type=grant, device_code="x", refresh_token="x")
    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic " + "A" * 5, "Basic /w==", "Bearer x", "x"])
def test_odd_authorization_is_refused_in_the_forms_words(
    client: Browser, acme: NewClient, header: str
) -> None:
    answer = client.post("/o/token/", {"grant_type": "client_credentials"}, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"


def test_odd_key_text_is_refused(client: Browser, db: None) -> None:
    for key in ("A\0B", "ä" * 300, "' OR 1=1 --"):
        answer = client.post("/o/token/", {"grant_type": "client_credentials"}, headers=basic(key, "x"))
        assert answer.status_code == 401


def test_token_is_only_posted_for(client: Browser, acme: NewClient) -> None:
    assert client.get("/o/token/").status_code == 405


def test_database_that_is_away_is_503(
    client: Browser, acme: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(views.TokenView, "create_token_response", away)
    answer = ask(client, acme.key)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


# -- revocation and introspection -------------------------------------------------------------------


def introspect(client: Browser, new: NewKey, token: str) -> Any:
    return client.post("/o/introspect/", {"token": token}, headers=signed(new))


def test_revoked_token_is_gone(client: Browser, acme: NewClient) -> None:
    token = services.issue_token(key=acme.key.key).text
    answer = client.post("/o/revoke_token/", {"token": token}, headers=signed(acme.key))
    assert answer.status_code == 200
    assert introspect(client, acme.key, token).json() == {"active": False}


@pytest.mark.django_db(transaction=True)
def test_revocation_is_told_to_all_processes(client: Browser, acme: NewClient) -> None:
    heard: list[Any] = []
    subscribe("credentials", heard.append)
    token = services.issue_token(key=acme.key.key).text
    client.post("/o/revoke_token/", {"token": token}, headers=signed(acme.key))
    assert heard == [frozenset({"acme"})]


def test_token_of_another_client_is_not_revoked(client: Browser, acme: NewClient, globex: NewClient) -> None:
    token = services.issue_token(key=acme.key.key).text
    answer = client.post("/o/revoke_token/", {"token": token}, headers=signed(globex.key))
    assert answer.status_code == 200
    assert introspect(client, acme.key, token).json()["active"]


def test_revoking_needs_the_secret(client: Browser, acme: NewClient) -> None:
    token = services.issue_token(key=acme.key.key).text
    headers = basic(acme.key.key.client_id, "wrong")
    assert client.post("/o/revoke_token/", {"token": token}, headers=headers).status_code == 401
    assert introspect(client, acme.key, token).json()["active"]


def test_introspection_tells_what_a_token_is_good_for(client: Browser, acme: NewClient) -> None:
    token = services.issue_token(key=acme.key.key).text
    body = introspect(client, acme.key, token).json()
    assert (body["active"], body["scope"], body["client_id"]) == (True, "all", acme.key.key.client_id)
    assert body["exp"] - body["iat"] == 6000


def test_token_is_invisible_to_another_client(client: Browser, acme: NewClient, globex: NewClient) -> None:
    token = services.issue_token(key=acme.key.key).text
    assert introspect(client, globex.key, token).json() == {"active": False}


def test_operators_key_may_introspect_any_token(client: Browser, acme: NewClient) -> None:
    token = services.issue_token(key=acme.key.key).text
    assert introspect(client, services.create_operator_key(by=TESTER), token).json()["active"]


def test_token_of_a_disabled_client_is_inactive(client: Browser, acme: NewClient, globex: NewClient) -> None:
    token = services.issue_token(key=acme.key.key).text
    services.disable_client(client=acme.client, by=TESTER)
    operator = services.create_operator_key(by=TESTER)
    assert introspect(client, operator, token).json() == {"active": False}


def test_introspection_without_secret_or_token_is_refused(client: Browser, acme: NewClient) -> None:
    assert client.post("/o/introspect/", {"token": "x"}).status_code == 401
    assert introspect(client, acme.key, "").status_code == 400


# -- Seldon Server's /token -------------------------------------------------------------------------


def pair(new: NewKey) -> dict[str, str]:
    return {"consumer_key": new.key.client_id, "consumer_secret": new.secret}


@pytest.mark.parametrize("method", ["get", "post"])
def test_seldon_token_has_exactly_the_fields_of_old(client: Browser, acme: NewClient, method: str) -> None:
    answer = getattr(client, method)("/token", pair(acme.key))
    body = answer.json()
    assert answer.status_code == 200
    assert list(body) == ["access_token", "token_type", "token_scope", "expires_in", "name"]
    assert is_own_token(body.pop("access_token"))
    assert body == {"token_type": "rummblelabs", "token_scope": "all", "expires_in": 6000, "name": "token"}


def test_seldon_token_is_wrapped_in_the_callback(client: Browser, acme: NewClient) -> None:
    answer = client.get("/token", {**pair(acme.key), "jsonpCallback": "app.cb"})
    assert answer.content.startswith(b'app.cb({"access_token": "sat_')
    assert answer.content.endswith(b"})")


def test_callback_that_is_no_name_is_refused(client: Browser, acme: NewClient) -> None:
    answer = client.get("/token", {**pair(acme.key), "jsonpCallback": "alert(1);//"})
    assert answer.status_code == 400
    assert b"alert" not in answer.content


@pytest.mark.parametrize(
    ("change", "error_id"),
    [
        ({"consumer_key": ""}, 16),
        ({"consumer_key": " "}, 16),
        ({"consumer_secret": ""}, 17),
        ({"consumer_key": "NOPE"}, 5),
        ({"consumer_secret": "wrong"}, 6),
    ],
)
def test_seldon_token_refuses_with_the_numbers_of_old(
    client: Browser, acme: NewClient, change: dict[str, str], error_id: int
) -> None:
    answer = client.get("/token", {**pair(acme.key), **change})
    body = answer.json()
    assert answer.status_code == 400
    assert set(body) == {"error_id", "error_msg", "http_response"}
    assert (body["error_id"], body["http_response"]) == (error_id, 400)


@pytest.mark.parametrize(("secret", "error_id"), [("", 17), ("guess", 6)])
def test_js_key_gets_no_token(client: Browser, acme: NewClient, secret: str, error_id: int) -> None:
    form = {"consumer_key": acme.js_key.key.client_id, "consumer_secret": secret}
    assert client.post("/token", form).json()["error_id"] == error_id


def test_disabled_client_gets_no_token(client: Browser, acme: NewClient) -> None:
    services.disable_client(client=acme.client, by=TESTER)
    assert client.get("/token", pair(acme.key)).json()["error_id"] == 3
    assert not acme.key.key.accesstoken_set.exists()


@pytest.mark.parametrize("path", ["/o/token/", "/o/revoke_token/", "/o/introspect/"])
@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS"])
def test_method_that_oauth_does_not_know_is_refused_in_its_words(
    client: Browser, db: None, path: str, method: str
) -> None:
    answer = client.generic(method, path)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert answer.json()["error"] == "invalid_request"


def test_method_that_seldons_token_call_does_not_know_is_refused_with_its_number(
    client: Browser, db: None
) -> None:
    answer = client.put("/token")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD, POST")
    assert answer.json()["error_id"] == 11
