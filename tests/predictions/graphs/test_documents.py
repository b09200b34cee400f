"""What a deployment says of itself: its OpenAPI document by protocol, and the page, in a real browser."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from drf_spectacular.validation import validate_schema
from playwright.sync_api import expect

from tests.browser import launch, needs_chromium
from tests.console.test_browser import ROOT, serve
from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import SUM
from tests.predictions.machine import read, running
from tests.processes import migrated_surroundings

SELDON = "/seldon/acme/sum/api/v1.0"
PAGES = {
    "seldon": ("/seldon/acme/seldon/api/v1.0/doc/", "/api/v1.0/predictions"),
    "v2": ("/seldon/acme/v2/v2/docs/", "/v2/models/first/infer"),
    "tensorflow": ("/seldon/acme/tensorflow/api/v1.0/doc/", "/v1/models/first:predict"),
}


async def told(protocol: str, path: str) -> Any:
    async with running() as machine:
        graph = unit("a", "MODEL", unit("b"))
        machine.deploy("acme", sum=serving(predictor(graph), protocol=protocol))
        return read(await machine.call("GET", path, [], [("authorization", "Bearer acme")]))


@pytest.mark.parametrize(
    ("protocol", "path", "first"),
    [
        ("seldon", f"{SELDON}/doc/seldon.json", f"{SELDON}/predictions"),
        ("seldon", "/seldon/sum/api/v0.1/doc/seldon.json", f"{SELDON}/predictions"),
        ("v2", "/v2/docs/dataplane.json", "/seldon/acme/sum/v2/models/a/infer"),
        ("tensorflow", f"{SELDON}/doc/seldon.json", "/seldon/acme/sum/v1/models/a:predict"),
    ],
)
async def test_document_is_valid_and_of_the_deployments_own_protocol(
    protocol: str, path: str, first: str
) -> None:
    document = await told(protocol, path)
    validate_schema(document)  # type: ignore[no-untyped-call]
    assert document["info"]["title"] == "Seldon External API"
    assert "| main | 100 % | a, b |" in document["info"]["description"]
    assert next(iter(document["paths"])) == first
    assert f"{SELDON}/feedback" in document["paths"]


async def test_seldons_document_names_every_form_of_a_message() -> None:
    document = await told("seldon", f"{SELDON}/doc/seldon.json")
    body = document["paths"][SUM]["post"]["requestBody"]["content"]
    assert {"application/json", "multipart/form-data", "text/plain", "application/octet-stream"} <= set(body)


async def test_page_is_the_same_for_everybody_and_whatever_it_names() -> None:
    paths = (f"{SELDON}/doc/", "/seldon/globex/nobody/api/v1.0/doc/", "/api/v0.1/doc/")
    async with running() as machine:
        pages = [await machine.call("GET", path, [], []) for path in paths]
        v2 = await machine.call("GET", "/seldon/acme/sum/v2/docs/", [], [])
    assert {(page.status, page.headers["content-type"]) for page in (*pages, v2)} == {
        (200, "text/html; charset=utf-8")
    }
    assert len({page.body for page in pages}) == 1
    assert (b"openapi" in v2.body, b"dataplane.json" in v2.body) == (True, True)
    assert "script-src 'self' 'sha256-" in v2.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/api/v1.0/doc", "doc/seldon.json"),
        (f"{SELDON}/doc", "doc/seldon.json"),
        ("/v2/docs", "docs/dataplane"),
    ],
)
async def test_page_without_its_last_slash_finds_its_document(path: str, document: str) -> None:
    async with running() as machine:
        page = await machine.call("GET", path, [], [])
    assert (page.status, f'data-document="{document}' in page.body.decode()) == (200, True)


async def test_only_live_predictor_has_all_of_the_traffic_in_the_document() -> None:
    async with running() as machine:
        shadow = predictor(unit("b"), "twin", shadow=True, traffic=30)
        machine.deploy("acme", sum=serving(predictor(unit("a"), traffic=0), shadow))
        found = await machine.call("GET", f"{SELDON}/doc/seldon.json", [], [("authorization", "Bearer acme")])
    told = read(found)["info"]["description"]
    assert "| main | 100 % | a |" in told
    assert "| twin (shadow) | 30 % | b |" in told


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of an installation with a deployment of each protocol, and a token."""
    folder: Path = tmp_path_factory.mktemp("documents")
    with migrated_surroundings(folder, settings.DATABASE_URL) as found:
        surroundings = {**found, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": ""}
        words = [sys.executable, "-m", "tests.predictions.graphs.furnish"]
        made = subprocess.run(
            words, cwd=ROOT, env=surroundings, check=True, timeout=100, capture_output=True, text=True
        )
        with serve(surroundings) as url:
            yield url, made.stdout.split()[-1]


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("protocol", list(PAGES))
@pytest.mark.parametrize("width", [1280, 400])
def test_page_shows_the_document_to_who_has_a_token(
    server: tuple[str, str], protocol: str, width: int, tmp_path: Path
) -> None:
    url, token = server
    path, shown = PAGES[protocol]
    complaints: list[str] = []
    with launch() as browser:
        page = browser.new_context(base_url=url, viewport={"width": width, "height": 1000}).new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(path)
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_text(f"/seldon/acme/{protocol}{shown}", exact=True)).to_be_visible()
        expect(page.get_by_role("cell", name="main")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.screenshot(path=tmp_path / f"{protocol}-{width}.png", full_page=True)
    assert complaints == []


@pytest.mark.slow
@needs_chromium
def test_reader_tries_a_prediction_and_a_wrong_token_is_told(server: tuple[str, str]) -> None:
    url, token = server
    with launch() as browser:
        page = browser.new_context(base_url=url, viewport={"width": 1280, "height": 1400}).new_page()
        page.goto(PAGES["seldon"][0])
        page.get_by_label("Token").fill("sat_nobody")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("status")).to_contain_text("token")
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Show").click()
        page.get_by_text("/seldon/acme/seldon/api/v1.0/predictions", exact=True).click()
        page.get_by_role("button", name="Try it out").click()
        with page.expect_response("**/predictions") as answered:
            page.get_by_role("button", name="Execute").click()
        assert answered.value.status == 200
