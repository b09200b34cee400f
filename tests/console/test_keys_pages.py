"""Keys in the console: a secret is seen once, rotation overlaps, switching off is final."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser

from clients.models import AuditEntry, Client, ConsumerKey
from clients.services import NewClient
from common import clock

NEW = "/admin/client/acme/keys/new/"


def post(browser: Browser, address: str = NEW, **data: Any) -> Any:
    once = re.search(r'name="once" value="([^"]+)"', browser.get(address).content.decode())
    assert once is not None
    return browser.post(address, {"once": once[1], **data})


def secret_in(answer: Any) -> str:
    found = re.search(r"data-secret>([^<]+)<", answer.content.decode())
    return found[1] if found else ""


def keys_of(client: Client) -> list[ConsumerKey]:
    return list(ConsumerKey.objects.for_client(client).order_by("id"))


def test_secret_is_shown_once_and_works(console: Browser, acme: NewClient) -> None:
    answer = post(console, kind="all", label="shop")
    secret, key = secret_in(answer), keys_of(acme.client)[-1]
    assert "no-store" in answer["Cache-Control"]
    assert (key.name, key.created_by) == ("shop", "operator:jane")
    data = {"grant_type": "client_credentials", "client_id": key.client_id, "client_secret": secret}
    assert Browser().post("/o/token/", data).status_code == 200


def test_secret_is_on_no_other_page(console: Browser, acme: NewClient) -> None:
    secret = secret_in(post(console, kind="all"))
    key = keys_of(acme.client)[-1]
    addresses = ["keys/", f"keys/{key.client_id}/", "audit/", ""]
    pages = [console.get(f"/admin/client/acme/{address}").content.decode() for address in addresses]
    assert secret
    assert not [page for page in pages if secret in page or key.client_secret in page]


def test_reloading_the_page_of_a_secret_makes_no_second_key(console: Browser, acme: NewClient) -> None:
    data = {"once": "mark-1", "kind": "all"}
    console.post(NEW, data)
    again = console.post(NEW, data)
    assert (again.status_code, again.headers["Location"]) == (302, "/admin/client/acme/keys/")
    assert len(keys_of(acme.client)) == 3  # two came with the client


def test_refused_form_can_be_sent_again(console: Browser, acme: NewClient) -> None:
    data = {"once": "mark-1", "kind": "fine"}
    assert b"names its scopes" in console.post(NEW, data).content
    assert secret_in(console.post(NEW, {**data, "scopes": ["events"]}))


def test_js_key_has_pages_and_no_secret(console: Browser, acme: NewClient) -> None:
    answer = post(console, kind="js", origins="https://shop.example.com\nwww.example.org, localhost")
    assert secret_in(answer) == ""
    assert keys_of(acme.client)[-1].origins == ["shop.example.com", "www.example.org", "localhost"]


@pytest.mark.parametrize(
    "data",
    [{"kind": "js", "origins": "com"}, {"kind": "operator"}, {"kind": "all", "expires_at": "soon"}, {}],
)
def test_unusable_key_is_refused_with_the_form(
    console: Browser, acme: NewClient, data: dict[str, str]
) -> None:
    answer = post(console, **data)
    assert answer.status_code == 200
    assert len(keys_of(acme.client)) == 2


def test_expiry_is_kept_in_utc(console: Browser, acme: NewClient) -> None:
    post(console, kind="readonly", expires_at="2031-02-03T04:05")
    expires_at = keys_of(acme.client)[-1].expires_at
    assert expires_at is not None
    assert expires_at.isoformat() == "2031-02-03T04:05:00+00:00"


def test_rotation_leaves_the_old_key_for_a_while(console: Browser, acme: NewClient) -> None:
    old = acme.key.key
    answer = post(console, f"/admin/client/acme/keys/{old.client_id}/rotate/", overlap="3600")
    old.refresh_from_db()
    assert secret_in(answer)
    assert old.client_id in answer.content.decode()
    assert old.expires_at is not None
    assert timedelta(minutes=59) < old.expires_at - clock.now() <= timedelta(hours=1)


def test_switching_off_is_for_good_and_noted(console: Browser, acme: NewClient) -> None:
    key = acme.key.key
    console.post(f"/admin/client/acme/keys/{key.client_id}/disable/")
    key.refresh_from_db()
    assert not key.is_active
    assert AuditEntry.objects.for_client(acme.client).first().actor == "operator:jane"  # type: ignore[union-attr]
    assert b"Rotate</a>" not in console.get(f"/admin/client/acme/keys/{key.client_id}/").content


def test_switching_off_needs_a_post(console: Browser, acme: NewClient) -> None:
    assert console.get(f"/admin/client/acme/keys/{acme.key.key.client_id}/disable/").status_code == 405


def test_pages_of_a_js_key_are_edited(console: Browser, acme: NewClient) -> None:
    key = acme.js_key.key
    address = f"/admin/client/acme/keys/{key.client_id}/"
    console.post(address, {"origins": "shop.example.com"})
    key.refresh_from_db()
    assert key.origins == ["shop.example.com"]
    assert b"is not a host name" in console.post(address, {"origins": "not a host!"}).content


def test_new_client_shows_its_first_secret_once(console: Browser) -> None:
    answer = post(console, "/admin/clients/new/", name="initech", origins="initech.example")
    assert secret_in(answer)
    assert Client.objects.filter(name="initech").exists()


@pytest.mark.parametrize("name", ["acme", "../up", "", "x" * 65])
def test_client_that_cannot_be_is_refused_with_the_form(console: Browser, acme: NewClient, name: str) -> None:
    assert post(console, "/admin/clients/new/", name=name).status_code == 200
    assert Client.objects.count() == 1


def test_client_is_switched_off_and_on(console: Browser, acme: NewClient) -> None:
    address = "/admin/client/acme/settings/"
    console.post(address, {"legacy_api": "on"})
    acme.client.refresh_from_db()
    assert (acme.client.is_active, acme.client.legacy_api) == (False, True)
    console.post(address, {"is_active": "on"})
    acme.client.refresh_from_db()
    assert (acme.client.is_active, acme.client.legacy_api) == (True, False)


def test_quota_is_set_refused_and_taken_away(console: Browser, acme: NewClient) -> None:
    address = "/admin/client/acme/quota/"
    console.post(address, {"surface": "events", "requests_per_second": "10", "events_per_day": "500"})
    [quota] = acme.client.quotas.all()
    assert (quota.requests_per_second, quota.events_per_day, quota.max_body_bytes) == (10, 500, None)
    assert (
        b"belongs to the surface" in console.post(address, {"surface": "js", "events_per_day": "5"}).content
    )
    console.post(address, {"surface": "events"})
    assert not acme.client.quotas.exists()
