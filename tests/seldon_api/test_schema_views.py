"""/schema and /docs."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from seldon_api.urls import urlpatterns

assert urlpatterns


def test_document_comes_as_json_when_asked_for() -> None:
    for answer in (
        Client().get("/schema?format=json"),
        Client().get("/schema", headers={"Accept": "application/json"}),
    ):
        assert answer["Content-Type"] == "application/vnd.oai.openapi+json; charset=utf-8"
        assert "/events" in json.loads(answer.content)["paths"]


def test_document_comes_as_yaml_otherwise() -> None:
    answer = Client().get("/schema")
    assert answer["Content-Type"] == "application/vnd.oai.openapi; charset=utf-8"
    assert answer.content.startswith(b"openapi: 3.")


def test_unknown_form_is_refused() -> None:
    assert Client().get("/schema?format=xml").status_code == 400


def test_document_cannot_be_posted_to() -> None:
    answer = Client(enforce_csrf_checks=True).post("/schema")
    assert (answer.status_code, answer["Allow"], answer.json()["code"]) == (
        405,
        "GET, HEAD",
        "method_not_allowed",
    )


@pytest.mark.django_db
def test_pages_load_everything_from_this_server_and_no_script_stands_in_them() -> None:
    answer = Client().get("/docs", headers={"Accept": "application/json"})
    text = answer.content.decode()
    assert answer["Content-Type"].startswith("text/html")
    assert re.findall(r'(?:src|href)="(?!/)[^"]+', text) == []
    assert re.findall(r"<script>(?!</)", text) == []
    assert "script-src 'self';" in answer["Content-Security-Policy"]
    for address in re.findall(r'src="([^"]+)"', text):
        assert Client().get(address.replace("&amp;", "&")).status_code == 200
