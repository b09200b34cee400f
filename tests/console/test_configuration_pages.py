"""Configuration in the console: errors have a place, changes a preview, every version comes back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as Browser

from clients.models import AuditEntry
from clients.services import NewClient
from predictions.records import MicroserviceSpec
from predictions.services import register_microservice
from stores.config import ConfigStore, use_store
from tests.factories import TESTER
from tests.refusing import RefusingStore

PATH = "/all_clients/acme/predict_algs"
EDIT = "/admin/configuration/edit/"
STRATEGY = """{
  "algorithms": [
    {"name": "externalPredictionServer", "config": [
      {"name": "io.seldon.algorithm.external.url", "value": "http://127.0.0.1:9/predict"},
      {"name": "io.seldon.algorithm.external.name", "value": "iris"}
    ]}
  ]
}"""


@pytest.fixture
def written(acme: NewClient, store: ConfigStore) -> ConfigStore:
    """The store with a first version."""
    store.set_text(PATH, STRATEGY, author="operator:jane")
    return store


def post(browser: Browser, text: str, version: int = 1, step: str = "preview", path: str = PATH) -> Any:
    return browser.post(EDIT, {"path": path, "version": version, "text": text, "step": step})


def test_error_in_json_is_shown_at_its_line(console: Browser, written: ConfigStore) -> None:
    answer = post(console, '{\n  "algorithms": [,]\n}')
    assert answer.status_code == 422
    assert (answer.context["fault"]["place"].line, answer.context["fault"]["place"].column) == (2, 18)
    assert 'id="fault"' in answer.content.decode()


def test_error_in_meaning_is_shown_at_its_place(console: Browser, written: ConfigStore) -> None:
    answer = post(console, STRATEGY.replace('"externalPredictionServer"', '"nonsense"'))
    fault = answer.context["fault"]
    assert fault["pointer"].startswith("/algorithms/0")
    assert fault["place"].line == 3


def test_what_was_typed_is_still_there_after_an_error(console: Browser, written: ConfigStore) -> None:
    assert "mine &lt;all mine" in post(console, "mine <all mine").content.decode()


def test_preview_shows_the_difference_and_writes_nothing(console: Browser, written: ConfigStore) -> None:
    page = post(console, STRATEGY.replace("iris", "rose")).content.decode()
    assert "&quot;value&quot;: &quot;rose&quot;" in page
    assert 'class="cx-add"' in page
    assert 'class="cx-cut"' in page
    assert written.read(PATH).version == 1


def test_saving_makes_a_version_with_its_author(console: Browser, written: ConfigStore) -> None:
    post(console, STRATEGY.replace("iris", "rose"), step="save")
    document = written.read(PATH)
    assert (document.version, document.author) == (2, "operator:jane")
    assert AuditEntry.objects.for_all_clients().filter(target=PATH, actor="operator:jane").exists()


def test_text_is_kept_as_it_was_typed_with_plain_line_ends(console: Browser, written: ConfigStore) -> None:
    typed = STRATEGY.replace('"iris"', '"ro\\u0073e"')
    post(console, typed.replace("\n", "\r\n"), step="save")
    assert written.read(PATH).text == typed


def test_what_somebody_else_wrote_is_not_overwritten(console: Browser, written: ConfigStore) -> None:
    written.set_text(PATH, STRATEGY.replace("iris", "theirs"), author="cli:joe")
    answer = post(console, STRATEGY.replace("iris", "mine"), version=1, step="save")
    assert answer.status_code == 409
    assert b"Somebody else" in answer.content
    assert "theirs" in written.read(PATH).text


def test_invalid_text_is_not_saved_without_a_preview(console: Browser, written: ConfigStore) -> None:
    assert post(console, "{", step="save").status_code == 422
    assert written.read(PATH).version == 1


def test_older_version_comes_back_by_one_click(console: Browser, written: ConfigStore) -> None:
    post(console, STRATEGY.replace("iris", "rose"), step="save")
    console.post("/admin/configuration/rollback/", {"path": PATH, "to": 1, "version": 2})
    document = written.read(PATH)
    assert (document.version, document.text) == (3, STRATEGY)


def test_roll_back_over_a_newer_version_is_refused(console: Browser, written: ConfigStore) -> None:
    written.set_text(PATH, STRATEGY.replace("iris", "theirs"), author="cli:joe")
    data = {"path": PATH, "to": 1, "version": 1}
    page = console.post("/admin/configuration/rollback/", data, follow=True).content.decode()
    assert "read it again" in page
    assert written.read(PATH).version == 2


def test_roll_back_to_no_version_is_not_found(console: Browser, written: ConfigStore) -> None:
    data = {"path": PATH, "to": 77, "version": 1}
    assert console.post("/admin/configuration/rollback/", data).status_code == 404


def test_deleted_document_keeps_its_history(console: Browser, written: ConfigStore) -> None:
    console.post("/admin/configuration/delete/", {"path": PATH, "version": 1})
    assert written.get(PATH) is None
    page = console.get(f"/admin/configuration/history/?path={PATH}").content.decode()
    assert "Roll back to this" in page


def test_new_document_opens_in_the_editor(console: Browser, acme: NewClient, store: ConfigStore) -> None:
    answer = console.post("/admin/configuration/", {"path": "/config/notes"})
    assert answer.headers["Location"] == f"{EDIT}?path=/config/notes"
    assert b"new</span>" in console.get(answer.headers["Location"]).content
    post(console, '{"a": 1}', version=0, step="save", path="/config/notes")
    assert store.read("/config/notes").value == {"a": 1}


@pytest.mark.parametrize("path", ["", "/elsewhere", "/config/../x", "/config/" + "x" * 300])
def test_path_that_cannot_be_is_refused(console: Browser, store: ConfigStore, path: str) -> None:
    assert console.post("/admin/configuration/", {"path": path}).status_code == 200
    assert console.get(EDIT, {"path": path}).status_code == 400
    assert console.get("/admin/configuration/history/", {"path": path}).status_code == 400


def test_list_is_searched_by_path(console: Browser, written: ConfigStore) -> None:
    assert PATH in console.get("/admin/configuration/?q=predict").content.decode()
    assert "No path holds" in console.get("/admin/configuration/?q=nothing").content.decode()


def test_client_s_page_offers_what_is_not_configured(console: Browser, written: ConfigStore) -> None:
    page = console.get("/admin/client/acme/configuration/").content.decode()
    assert "/all_clients/acme/alg_rectags" in page
    assert "/all_clients/globex" not in page


def test_new_strategy_begins_with_the_client_s_microservice(
    console: Browser, acme: NewClient, store: ConfigStore
) -> None:
    address = f"{EDIT}?path={PATH}"
    assert "NAME" in console.get(address).context["form"].initial["text"]
    spec = MicroserviceSpec("rose", "http://127.0.0.1:9", "seldon", 1.0, 8)
    register_microservice(client=acme.client, spec=spec, by=TESTER)
    text = console.get(address).context["form"].initial["text"]
    assert post(console, text, version=0).context["diff"]
    assert "rose" in text


@pytest.mark.parametrize(
    "address",
    [
        "/admin/configuration/",
        "/admin/client/acme/configuration/",
        f"{EDIT}?path={PATH}",
        f"/admin/configuration/history/?path={PATH}",
    ],
)
def test_what_another_tool_wrote_and_is_refused_is_told(
    console: Browser, acme: NewClient, address: str
) -> None:
    store = RefusingStore({PATH: f"{PATH} at /algorithms: it must be <an array>"})
    store.set_text(PATH, STRATEGY, author="ada")
    with use_store(store):
        page = console.get(address).content.decode()
    assert "the last good version stays in force" in page
    assert "it must be &lt;an array&gt;" in page
