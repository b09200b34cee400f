"""The demonstration page: there for the client `demo` alone, and harmless."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as Browser

from clients.services import NewClient, disable_client
from tests.factories import TESTER, make_client, make_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo() -> NewClient:
    return make_client("demo")


def test_the_page_has_the_snippet_with_the_clients_key(demo: NewClient) -> None:
    answer = Browser().get("/demo")
    assert answer.status_code == 200
    assert f'src="/js/seldon.js" data-key="{demo.js_key.key.client_id}"' in answer.text
    assert "'unsafe" not in answer["Content-Security-Policy"]
    assert "no-store" in answer["Cache-Control"]


def test_there_is_no_page_without_the_client() -> None:
    make_client("acme")
    assert Browser().get("/demo").status_code == 404


def test_there_is_no_page_for_a_client_that_is_switched_off(demo: NewClient) -> None:
    disable_client(client=demo.client, by=TESTER)
    assert Browser().get("/demo").status_code == 404


def test_a_key_of_other_pages_is_not_shown(demo: NewClient) -> None:
    demo.js_key.key.origins = ["shop.example.com"]
    demo.js_key.key.save()
    assert Browser().get("/demo").status_code == 404
    assert Browser().get("/demo", headers={"host": "shop.example.com"}).status_code == 200


def test_another_clients_key_can_be_named_only_with_debug(demo: NewClient, settings: Any) -> None:
    other = make_key(make_client("acme").client, "js").key.client_id
    assert other not in Browser().get(f"/demo?key={other}").text
    settings.DEBUG = True
    assert other in Browser().get(f"/demo?key={other}").text
    assert "<b>" not in Browser().get('/demo?key="><b>').text
