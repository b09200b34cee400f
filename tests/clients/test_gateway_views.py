"""The OAuth gateway's token call: a deployment's key and secret, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as Browser

from clients import services
from clients.errors import ConsumerRefusedError, KeyInvalidError
from clients.models import AuditEntry, ConsumerKey
from clients.services import NewClient
from clients.source import DatabaseSource
from common.errors import NotAuthenticatedError
from stores.changes import subscribe
from tests.clients.test_views import basic
from tests.factories import TESTER, make_client

pytestmark = pytest.mark.django_db
SECRET = "oauth-secret"


def bind(new: NewClient, deployment: str = "iris", key: str = "oauth-key", secret: str = SECRET) -> None:
    services.bind_deployment_key(
        client=new.client, deployment=deployment, oauth_key=key, secret=secret, by=TESTER
    )


@pytest.fixture
def old(acme: NewClient) -> NewClient:
    """acme with the manners of old, and a deployment's key."""
    services.set_legacy_api(client=acme.client, is_on=True, by=TESTER)
    bind(acme)
    return acme


def ask(client: Browser, key: str, secret: str = SECRET, grant: str = "client_credentials") -> Any:
    return client.post("/oauth/token", {"grant_type": grant}, headers=basic(key, secret))


def reached(client: Browser, key: str, secret: str = SECRET) -> tuple[str, str]:
    """Whose deployment the token of `key` reaches."""
    answer = ask(client, key, secret)
    assert answer.status_code == 200, answer.content
    caller = DatabaseSource().find_token(answer.json()["access_token"])
    return caller.client, caller.deployment


@pytest.mark.parametrize("key", ["oauth-key", "oauth-keyacme"])
@pytest.mark.parametrize("grant", ["client_credentials", "password"])
def test_token_has_the_fields_of_old_and_reaches_one_deployment(
    client: Browser, old: NewClient, key: str, grant: str
) -> None:
    answer = ask(client, key, grant=grant)
    body = answer.json()
    caller = DatabaseSource().find_token(body.pop("access_token"))
    assert body == {"token_type": "bearer", "expires_in": 43200, "scope": "read write"}
    assert (caller.client, caller.deployment, set(caller.scopes)) == ("acme", "iris", {"predict"})
    assert answer["Cache-Control"] == "no-store"


def test_secret_is_stored_only_as_a_salted_hash(old: NewClient) -> None:
    bind(old, "other", secret="sha256_secret$salt$0123456789")
    stored = ConsumerKey.objects.for_client(old.client).exclude(deployment="")
    kinds = sorted(key.client_secret.partition("$")[0] for key in stored)
    assert kinds == ["pbkdf2_chosen_secret", "sha256_secret"]
    assert not [key for key in stored if SECRET in key.client_secret or key.secret_hint]
    assert not stored.get(deployment="other").client_secret.startswith("sha256_secret$salt")


@pytest.mark.parametrize(
    ("key", "secret"),
    [("oauth-key", "wrong"), ("oauth-keyglobex", SECRET), ("oauth-ke", SECRET), ("\0", SECRET), ("é", "x")],
)
def test_wrong_credentials_are_refused_in_the_gateways_words(
    client: Browser, old: NewClient, key: str, secret: str
) -> None:
    answer = ask(client, key, secret)
    body = answer.json()
    assert body.pop("timestamp") > 1_600_000_000_000
    assert body == {
        "status": 401, "error": "Unauthorized", "message": "Bad credentials", "path": "/oauth/token",
    }  # fmt: skip
    assert (answer.status_code, answer["WWW-Authenticate"][:5]) == (401, "Basic")


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!", "Bearer x", "Basic /w==", "Basic Og=="])
def test_without_credentials_they_are_asked_for(client: Browser, old: NewClient, header: str) -> None:
    answer = client.post("/oauth/token", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json()["message"] == "Full authentication is required to access this resource"


@pytest.mark.parametrize(("grant", "error"), [("", "invalid_request"), ("code", "unsupported_grant_type")])
def test_other_grants_are_refused(client: Browser, old: NewClient, grant: str, error: str) -> None:
    answer = ask(client, "oauth-key", grant=grant)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_other_methods_are_refused(client: Browser) -> None:
    answer = client.get("/oauth/token")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_ordinary_keys_get_their_tokens_elsewhere(client: Browser, old: NewClient) -> None:
    assert ask(client, old.key.key.client_id, old.key.secret).status_code == 401


def revoke(client: Browser, token: str, key: str = "oauth-key", secret: str = SECRET) -> int:
    return int(client.post("/oauth/revoke", {"token": token}, headers=basic(key, secret)).status_code)


def is_known(token: str) -> bool:
    try:
        DatabaseSource().find_token(token)
    except NotAuthenticatedError:
        return False
    return True


@pytest.mark.django_db(transaction=True)
def test_holder_ends_a_token_and_every_process_hears_of_it(client: Browser, old: NewClient) -> None:
    token, other = (ask(client, "oauth-key").json()["access_token"] for _ in range(2))
    heard: list[frozenset[str] | None] = []
    subscribe("credentials", heard.append)
    assert revoke(client, token, "oauth-keyacme") == 200
    assert heard == [frozenset({"acme"})]
    assert (is_known(token), is_known(other)) == (False, True)
    assert revoke(client, token) == 200


def test_token_of_a_former_deployment_of_the_same_key_is_ended(client: Browser, old: NewClient) -> None:
    token = ask(client, "oauth-key").json()["access_token"]
    bind(old, "wine")
    assert (revoke(client, token), is_known(token)) == (200, False)


def test_another_clients_token_stays(client: Browser, old: NewClient, globex: NewClient) -> None:
    services.set_legacy_api(client=globex.client, is_on=True, by=TESTER)
    bind(globex, "wine", secret="another secret")
    theirs = ask(client, "oauth-key").json()["access_token"]
    ordinary = services.issue_token(key=old.key.key).text
    assert revoke(client, theirs, secret="another secret") == 200
    assert revoke(client, ordinary) == 200
    assert is_known(theirs)
    assert is_known(ordinary)


def test_only_who_signs_in_revokes(client: Browser, old: NewClient) -> None:
    token = ask(client, "oauth-key").json()["access_token"]
    assert revoke(client, token, secret="wrong") == 401
    assert client.post("/oauth/revoke", {"token": token}).status_code == 401
    assert revoke(client, "") == 400
    assert client.get("/oauth/revoke")["Allow"] == "POST"
    assert is_known(token)


def test_switch_that_is_off_refuses_keys_and_tokens(client: Browser, old: NewClient) -> None:
    token = ask(client, "oauth-key").json()["access_token"]
    services.set_legacy_api(client=old.client, is_on=False, by=TESTER)
    with pytest.raises(ConsumerRefusedError):
        DatabaseSource().find_token(token)
    assert DatabaseSource().reload(frozenset({"acme"}), [token]).tokens == {}
    assert ask(client, "oauth-key").status_code == 401


def test_disabled_client_is_refused(client: Browser, old: NewClient) -> None:
    services.disable_client(client=old.client, by=TESTER)
    assert ask(client, "oauth-key").status_code == 401


def test_clients_who_chose_the_same_key_never_get_each_others(
    client: Browser, old: NewClient, globex: NewClient
) -> None:
    services.set_legacy_api(client=globex.client, is_on=True, by=TESTER)
    bind(globex, "wine", secret="another secret")
    assert reached(client, "oauth-key") == ("acme", "iris")
    assert reached(client, "oauth-key", "another secret") == ("globex", "wine")
    bind(globex, "wine")
    assert ask(client, "oauth-key").status_code == 401
    assert reached(client, "oauth-keyacme") == ("acme", "iris")
    assert reached(client, "oauth-keyglobex") == ("globex", "wine")


def test_names_that_read_alike_are_told_apart_by_their_secrets(client: Browser) -> None:
    for name, key, secret in (("b", "xa", "one"), ("ab", "x", "two")):
        new = make_client(name)
        services.set_legacy_api(client=new.client, is_on=True, by=TESTER)
        bind(new, "d", key, secret)
    assert reached(client, "xab", "one") == ("b", "d")
    assert reached(client, "xab", "two") == ("ab", "d")


def test_of_two_deployments_with_one_key_the_newest_answers(client: Browser, old: NewClient) -> None:
    bind(old, "wine")
    assert reached(client, "oauth-key") == ("acme", "wine")


def test_another_secret_ends_the_tokens_of_the_former(client: Browser, old: NewClient) -> None:
    bind(old, secret="the next secret")
    token = ask(client, "oauth-key", "the next secret").json()["access_token"]
    bind(old, secret="the next secret")
    assert DatabaseSource().find_token(token).deployment == "iris"
    assert ask(client, "oauth-key").status_code == 401
    bind(old, key="other-key", secret="a third secret")
    assert ask(client, "oauth-key", "the next secret").status_code == 401
    assert reached(client, "other-key", "a third secret") == ("acme", "iris")


def test_keys_of_a_deployment_go_with_it_and_the_audit_tells(client: Browser, old: NewClient) -> None:
    services.unbind_deployment_keys(client=old.client, deployment="iris", by=TESTER)
    assert ask(client, "oauth-key").status_code == 401
    assert [entry.action for entry in AuditEntry.objects.for_client(old.client)][:2] == [
        "delete_key", "bind_key",
    ]  # fmt: skip


def test_key_of_a_deployment_is_not_rotated_into_one_that_reaches_everything(old: NewClient) -> None:
    key = ConsumerKey.objects.for_client(old.client).get(deployment="iris")
    with pytest.raises(KeyInvalidError, match="apply the manifest"):
        services.rotate_key(key=key, overlap_seconds=0, by=TESTER)


def test_client_with_many_namesakes_shuts_out_itself_alone(client: Browser, old: NewClient) -> None:
    other = make_client("globex")
    services.set_legacy_api(client=other.client, is_on=True, by=TESTER)
    for number in range(9):
        bind(other, f"iris-{number}", secret=f"another-{number}")
    assert reached(client, "oauth-key") == ("acme", "iris")
    assert ask(client, "oauth-key", "another-0").status_code == 401
