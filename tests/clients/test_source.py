"""Credentials as the database knows them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from clients import services, source
from clients.errors import (
    ConsumerRefusedError,
    LookupUnavailableError,
    TokenExpiredError,
    TokenUnknownError,
)
from clients.models import ConsumerKey
from clients.records import ALL_SCOPES, JS_SCOPES, Caller, Limits
from clients.services import NewClient
from clients.source import DatabaseSource
from clients.tokens import generate_token
from common import clock
from tests.factories import TESTER, make_key

pytestmark = pytest.mark.django_db


def issue(key: ConsumerKey) -> str:
    return services.issue_token(key=key).text


def find_js_key(text: str) -> Caller:
    answer = DatabaseSource().find_js_keys([text])[text]
    if isinstance(answer, Caller):
        return answer
    raise answer


def test_token_leads_to_its_client(acme: NewClient, globex: NewClient) -> None:
    caller = DatabaseSource().find_token(issue(globex.key.key))
    assert (caller.client, caller.client_id) == ("globex", globex.client.pk)
    assert caller.scopes == ALL_SCOPES


def test_unknown_token_is_told(acme: NewClient) -> None:
    with pytest.raises(TokenUnknownError):
        DatabaseSource().find_token(generate_token())


def test_expired_token_is_told(acme: NewClient) -> None:
    token = issue(acme.key.key)
    acme.key.key.accesstoken_set.update(expires=clock.now() - timedelta(seconds=1))
    with pytest.raises(TokenExpiredError):
        DatabaseSource().find_token(token)


@pytest.mark.parametrize("how", ["client", "key", "expiry"])
def test_switched_off_is_refused(acme: NewClient, how: str) -> None:
    token, key = issue(acme.key.key), acme.key.key
    if how == "client":
        services.disable_client(client=acme.client, by=TESTER)
    else:
        key.is_active = how != "key"
        key.expires_at = clock.now() if how == "expiry" else None
        key.save()
    with pytest.raises(ConsumerRefusedError):
        DatabaseSource().find_token(token)


def test_fine_key_reaches_only_its_scopes(acme: NewClient) -> None:
    key = make_key(acme.client, "fine", scopes=("events",)).key
    caller = DatabaseSource().find_token(issue(key))
    assert caller.may("events", "POST")
    assert not caller.may("predict", "POST")


def test_narrowing_a_key_narrows_its_tokens(acme: NewClient) -> None:
    key = make_key(acme.client, "fine", scopes=("events", "predict")).key
    token = issue(key)
    key.scopes = ["events"]
    key.save()
    assert DatabaseSource().find_token(token).scopes == {"events"}


def test_readonly_key_may_only_read(acme: NewClient) -> None:
    caller = DatabaseSource().find_token(issue(make_key(acme.client, "readonly").key))
    assert caller.may("recommend", "GET")
    assert caller.may("recommend", "HEAD")
    assert not caller.may("recommend", "POST")


def test_operator_token_belongs_to_no_client() -> None:
    caller = DatabaseSource().find_token(issue(services.create_operator_key(by=TESTER).key))
    assert (caller.client, caller.client_id) == ("", 0)
    assert caller.may("operator", "POST")
    assert not caller.may("events", "POST")


def test_token_ends_with_its_rotated_key(acme: NewClient) -> None:
    token = issue(acme.key.key)
    services.rotate_key(key=acme.key.key, overlap_seconds=30, by=TESTER)
    caller = DatabaseSource().find_token(token)
    assert caller.expires_at <= clock.now().timestamp() + 30


def test_js_key_leads_to_its_client_and_pages(acme: NewClient) -> None:
    key = make_key(acme.client, "js", origins=("example.com",)).key
    caller = find_js_key(key.client_id)
    assert (caller.client, caller.scopes, caller.origins) == ("acme", JS_SCOPES, ("example.com",))


def test_key_with_a_secret_is_no_js_key(acme: NewClient) -> None:
    with pytest.raises(ConsumerRefusedError):
        find_js_key(acme.key.key.client_id)


@pytest.mark.parametrize("text", ["NOPE", "A\0B", "", "ä'; --"])
def test_odd_js_key_is_refused(acme: NewClient, text: str) -> None:
    with pytest.raises(ConsumerRefusedError):
        find_js_key(text)


def test_caller_knows_its_quotas(acme: NewClient) -> None:
    services.set_quota(client=acme.client, surface="events", limits=Limits(5), by=TESTER)
    caller = DatabaseSource().find_token(issue(acme.key.key))
    assert caller.quotas == {"events": Limits(5)}


def test_callers_of_one_client_share_what_they_can(acme: NewClient) -> None:
    services.set_quota(client=acme.client, surface="events", limits=Limits(5), by=TESTER)
    one, two = (DatabaseSource().find_token(issue(acme.key.key)) for _ in range(2))
    assert one.client is two.client
    assert one.quotas is two.quotas
    assert one.scopes is two.scopes


def test_reload_tells_live_tokens_and_all_js_keys_of_a_client(acme: NewClient, globex: NewClient) -> None:
    kept, gone = issue(acme.key.key), generate_token()
    fresh = DatabaseSource().reload(frozenset({"acme"}), [kept, gone])
    assert set(fresh.tokens) == {kept}
    assert set(fresh.js_keys) == {acme.js_key.key.client_id}


def test_full_reload_tells_all_clients(acme: NewClient, globex: NewClient) -> None:
    tokens = [issue(new.key.key) for new in (acme, globex)]
    fresh = DatabaseSource().reload(None, tokens)
    assert set(fresh.tokens) == set(tokens)
    assert {caller.client for caller in fresh.js_keys.values()} == {"acme", "globex"}


def test_reload_of_operators_keeps_their_tokens() -> None:
    token = issue(services.create_operator_key(by=TESTER).key)
    assert set(DatabaseSource().reload(frozenset({""}), [token]).tokens) == {token}


def test_database_that_is_away_is_told_as_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(source, "_read_keys", away)
    monkeypatch.setattr(connection, "close", lambda: None)
    with pytest.raises(LookupUnavailableError):
        find_js_key("JSKEY")
