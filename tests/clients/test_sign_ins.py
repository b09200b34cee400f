"""Wrong secrets at every door where keys become tokens: how many are looked at, and what is answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client as Browser

from clients import services, sign_ins
from clients.models import AuditEntry, Client, ConsumerKey
from clients.services import NewClient, NewKey
from clients.slow_checks import SlowChecks
from tests.clients.hashing import compared
from tests.clients.test_gateway_views import SECRET, bind
from tests.clients.test_views import basic
from tests.factories import TESTER

pytestmark = pytest.mark.django_db
__all__ = ["compared"]
PER_KEY, PER_ADDRESS = 3, 7
CREDENTIALS = {"grant_type": "client_credentials"}


@pytest.fixture(autouse=True)
def _braked(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.SELDON_DATA = tmp_path
    settings.SIGN_IN_FAILURES_PER_KEY, settings.SIGN_IN_FAILURES_PER_ADDRESS = PER_KEY, PER_ADDRESS
    yield
    sign_ins.sign_ins().close()
    sign_ins._sign_ins.cache_clear()


@pytest.fixture
def old(acme: NewClient) -> NewClient:
    """acme with a deployment's key whose secret somebody chose."""
    services.set_legacy_api(client=acme.client, is_on=True, by=TESTER)
    bind(acme)
    return acme


def at(address: str) -> Any:
    return Browser(REMOTE_ADDR=address)


def gateway(key: str = "oauth-key", secret: str = SECRET, address: str = "192.0.2.1") -> Any:
    return at(address).post("/oauth/token", CREDENTIALS, headers=basic(key, secret))


def statuses(times: int, key: str = "oauth-key", address: str = "192.0.2.1") -> list[int]:
    return [gateway(key, "wrong", address).status_code for _ in range(times)]


def test_the_gateway_answers_429_in_its_own_words(old: NewClient) -> None:
    assert statuses(PER_KEY) == [401] * PER_KEY
    answer = gateway()
    body = answer.json()
    assert (answer.status_code, 200 < int(answer["Retry-After"]) <= 300) == (429, True)
    assert (body["status"], body["error"], body["path"]) == (429, "Too Many Requests", "/oauth/token")
    assert answer["Cache-Control"] == "no-store"


def test_an_unknown_key_is_answered_as_a_known_one(old: NewClient) -> None:
    assert statuses(PER_KEY + 1, "nobody") == [401] * PER_KEY + [429]


def test_an_unknown_key_costs_as_much_as_a_known_one(old: NewClient, compared: list[str]) -> None:
    for key in ("oauth-key", "nobody"):
        gateway(key, "wrong")
    assert len(compared) == 2
    # What no key could have is compared with none.
    gateway("nobody", "a long and wrong secret".replace(" ", "-"))
    assert len(compared) == 2


def test_the_holder_of_another_key_is_let_in(old: NewClient, globex: NewClient) -> None:
    services.set_legacy_api(client=globex.client, is_on=True, by=TESTER)
    bind(globex, "wine", "other-key", "another")
    statuses(PER_KEY + 1)
    assert gateway("other-key", "another").status_code == 200


def test_a_holder_who_signed_in_before_is_let_in_whatever_others_try(old: NewClient) -> None:
    assert gateway().status_code == 200
    assert statuses(PER_KEY + 1, address="192.0.2.66")[-1] == 429
    assert [gateway(f"k{n}", "wrong").status_code for n in range(PER_ADDRESS + 1)][-1] == 429
    assert gateway().status_code == 200
    assert gateway(address="192.0.2.66").status_code == 429


def test_a_secret_that_we_made_is_let_in_whatever_others_try(acme: NewClient) -> None:
    for door in (oauth2, seldon):
        answers = [door(acme.key, "wrong").status_code for _ in range(PER_ADDRESS + 1)]
        assert answers[-1] == 429
        assert door(acme.key, acme.key.secret).status_code == 200


def oauth2(new: NewKey, secret: str, path: str = "/o/token/") -> Any:
    form = {**CREDENTIALS, "token": "x"}
    return Browser().post(path, form, headers=basic(new.key.client_id, secret))


def seldon(new: NewKey, secret: str) -> Any:
    query = {"consumer_key": new.key.client_id, "consumer_secret": secret}
    return Browser().get("/token", query)


@pytest.mark.parametrize("path", ["/o/token/", "/o/revoke_token/", "/o/introspect/"])
def test_oauth2_answers_429_in_its_own_words(acme: NewClient, path: str) -> None:
    answers = [oauth2(acme.key, "wrong", path) for _ in range(PER_KEY + 1)]
    assert [answer.status_code for answer in answers] == [401] * PER_KEY + [429]
    assert answers[-1].json()["error"] == "slow_down"
    assert 200 < int(answers[-1]["Retry-After"]) <= 300


def test_seldons_token_call_answers_429_in_its_own_words(acme: NewClient) -> None:
    answers = [seldon(acme.key, "wrong") for _ in range(PER_KEY + 1)]
    assert [answer.status_code for answer in answers] == [400] * PER_KEY + [429]
    assert answers[-1].json()["http_response"] == 429
    assert 200 < int(answers[-1]["Retry-After"]) <= 300


def test_one_request_tries_one_secret(acme: NewClient, globex: NewClient) -> None:
    form = {**CREDENTIALS, "client_id": acme.key.key.client_id, "client_secret": acme.key.secret}
    answer = Browser().post("/o/token/", form, headers=basic(globex.key.key.client_id, "wrong"))
    assert answer.status_code == 401


def test_the_audit_tells_the_keys_client_once_an_hour(old: NewClient, globex: NewClient) -> None:
    statuses(PER_KEY + 3)
    for _ in range(PER_KEY + 2):
        oauth2(globex.key, "wrong")
    assert entries(old.client) == [("address:192.0.2.1", "oauth-key", {"door": "gateway"})]
    assert entries(globex.client) == [("address:127.0.0.1", globex.key.key.client_id, {"door": "oauth2"})]


def entries(client: Client) -> list[tuple[str, str, Any]]:
    rows = AuditEntry.objects.for_client(client).filter(action="limit_sign_ins")
    return [(row.actor, row.target, row.after) for row in rows]


def test_refused_tries_are_counted(old: NewClient) -> None:
    before = dict(sign_ins.FAILURES.values)
    statuses(PER_KEY + 2)
    grown = {key: n - before.get(key, 0) for key, n in sign_ins.FAILURES.values.items()}
    assert (grown["gateway", "wrong"], grown["gateway", "limited"]) == (PER_KEY, 2)


def test_a_crowd_is_answered_503_and_charged_nothing(old: NewClient, monkeypatch: Any) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(sign_ins.sign_ins(), "_strangers", SlowChecks(most_waiting=-1))
        for _ in range(PER_KEY + 1):
            answer = gateway()
            assert (answer.status_code, answer["Retry-After"], answer.json()["status"]) == (503, "1", 503)
    assert gateway().status_code == 200


def test_a_chosen_secret_at_the_other_doors_is_braked_too(old: NewClient) -> None:
    key = ConsumerKey.objects.for_client(old.client).get(deployment="iris")
    new = NewKey(key, SECRET)
    assert seldon(new, SECRET).status_code == 200
    statuses_seen = [oauth2(new, "wrong").status_code for _ in range(PER_KEY + 1)]
    assert statuses_seen == [401] * PER_KEY + [429]
    assert oauth2(new, SECRET).status_code == 429
