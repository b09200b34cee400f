"""Every page: staff only, safe headers, other clients' things invisible, few queries."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from clients.services import NewClient
from common import clock
from console.security import POLICY
from events.parts import status_file
from predictions.records import MicroserviceSpec
from predictions.services import register_microservice
from stores.config import ConfigStore, Document, use_store
from stores.config.memory import MemoryConfigStore
from tests.console.traffic import add_minute
from tests.events.doubles import make_record, open_writer, write_records
from tests.factories import TESTER, make_client, make_key

DOCUMENT = "/all_clients/acme/alg_test_switch"
PAGES = [
    "/admin/",
    "/admin/clients/",
    "/admin/clients/new/",
    "/admin/client/acme/",
    "/admin/client/acme/?window=24h",
    "/admin/client/acme/settings/",
    "/admin/client/acme/audit/",
    "/admin/client/acme/keys/",
    "/admin/client/acme/keys/new/",
    "/admin/client/acme/microservices/",
    "/admin/client/acme/new-microservice/",
    "/admin/client/acme/microservices/iris/",
    "/admin/client/acme/deployments/",
    "/admin/client/acme/configuration/",
    "/admin/keys/",
    "/admin/microservices/",
    "/admin/deployments/",
    "/admin/configuration/",
    f"/admin/configuration/edit/?path={DOCUMENT}",
    f"/admin/configuration/history/?path={DOCUMENT}",
    "/admin/audit/",
    "/admin/auth/user/",
    "/admin/auth/user/add/",
    "/admin/password_change/",
]
SPEC = MicroserviceSpec("iris", "http://127.0.0.1:9", "seldon", 1.0, 8)


@pytest.fixture
def furnished(acme: NewClient, globex: NewClient, store: ConfigStore) -> NewClient:
    """acme with one of everything."""
    register_microservice(client=acme.client, spec=SPEC, by=TESTER)
    store.set_text(DOCUMENT, "true", author="operator:jane")
    refusal = {"at": clock.unix_seconds(), "status": 400, "code": "invalid_json", "message": "<b>why</b>"}
    add_minute(acme.client, clock.now().replace(second=0, microsecond=0), refusals=[refusal])
    return acme


@pytest.mark.parametrize("address", PAGES)
def test_page_is_shown_to_an_operator(console: Browser, furnished: NewClient, address: str) -> None:
    answer = console.get(address)
    assert answer.status_code == 200
    assert answer["Content-Security-Policy"] == POLICY
    assert "no-store" in answer["Cache-Control"]


def test_words_of_the_sidebar_lead_to_pages(console: Browser, furnished: NewClient) -> None:
    page = console.get("/admin/").content.decode()
    sidebar = page[page.index("nav-sidebar") :]
    links = {*re.findall(r'<a href="([^"#?]*)" class="flex h-\[38px\]', sidebar)}
    assert len(links) == 10
    assert {link: console.get(link).status_code for link in links} == dict.fromkeys(links, 200)


@pytest.mark.parametrize("address", PAGES)
def test_stranger_is_sent_to_the_door(furnished: NewClient, address: str) -> None:
    answer = Browser().get(address)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/admin/login/")


def test_user_who_is_not_staff_is_sent_to_the_door(furnished: NewClient) -> None:
    browser = Browser()
    browser.force_login(User.objects.create_user("joe"))
    assert {browser.get(address).status_code for address in PAGES} == {302}


@pytest.mark.parametrize("address", PAGES)
def test_page_loads_nothing_from_elsewhere_and_holds_no_script(
    console: Browser, furnished: NewClient, address: str
) -> None:
    page = console.get(address).content.decode()
    loaded = re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="([^"]+)"', page)
    assert [each for each in loaded if not each.startswith("/")] == []
    assert re.findall(r"<script(?![^>]*src=)[^>]*>\s*\S", page) == []


@pytest.mark.parametrize("part", ["keys/{key}/", "keys/{key}/rotate/", "microservices/iris/"])
def test_thing_of_another_client_is_invisible(console: Browser, furnished: NewClient, part: str) -> None:
    address = part.format(key=furnished.key.key.client_id)
    assert console.get(f"/admin/client/acme/{address}").status_code == 200
    assert console.get(f"/admin/client/globex/{address}").status_code == 404


@pytest.mark.parametrize(
    "part", ["keys/{key}/disable/", "microservices/iris/remove/", "microservices/iris/test/"]
)
def test_thing_of_another_client_cannot_be_changed(console: Browser, furnished: NewClient, part: str) -> None:
    address = part.format(key=furnished.key.key.client_id)
    assert console.post(f"/admin/client/globex/{address}").status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/admin/client/nobody/",
        "/admin/client/a%00b/",
        "/admin/client/acme/keys/a%00b/",
        "/admin/nothing/",
        "/admin/configuration/history/?path=/config/nothing",
        "/admin/configuration/edit/?path=/all_clients/nobody/algs",
    ],
)
def test_what_is_not_there_is_not_found(console: Browser, address: str) -> None:
    answer = console.get(address)
    assert answer.status_code == 404
    assert b"To the overview" in answer.content


@pytest.mark.parametrize(
    ("address", "target"), [("/admin", "/admin/"), ("/admin/clients", "/admin/clients/")]
)
def test_last_slash_may_be_left_out(console: Browser, address: str, target: str) -> None:
    assert console.get(address).headers["Location"] == target


def test_words_of_callers_are_escaped(console: Browser, furnished: NewClient) -> None:
    page = console.get("/admin/client/acme/").content.decode()
    assert "&lt;b&gt;why&lt;/b&gt;" in page
    assert "<b>why" not in page


def test_tokens_and_keys_have_no_page_of_django_s_own(console: Browser) -> None:
    for model in ("oauth2_provider/accesstoken", "clients/consumerkey", "auth/group"):
        assert console.get(f"/admin/{model}/").status_code == 404


def test_empty_installation_says_what_to_do(console: Browser) -> None:
    assert b"seldon-cli client setup acme" in console.get("/admin/").content


def test_silent_client_gets_a_curl_line(console: Browser, acme: NewClient) -> None:
    page = console.get("/admin/client/acme/", headers={"host": "seldon.example"}).content.decode()
    assert "http://seldon.example/o/token/" in page


@pytest.mark.parametrize(
    "query", ["?page=x", "?page=999999999999", "?page=-1", "?sort=evil", "?q=%00", "?window=forever"]
)
@pytest.mark.parametrize(
    "address", ["/admin/", "/admin/keys/", "/admin/configuration/", "/admin/client/acme/"]
)
def test_strange_queries_are_shown_as_if_they_were_sensible(
    console: Browser, furnished: NewClient, address: str, query: str
) -> None:
    assert console.get(f"{address}{query}").status_code == 200


def queries(browser: Browser, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert browser.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize(
    "address", ["/admin/", "/admin/clients/", "/admin/keys/", "/admin/microservices/", "/admin/audit/"]
)
def test_more_clients_need_no_more_queries(console: Browser, furnished: NewClient, address: str) -> None:
    few = queries(console, address)
    for index in range(8):
        client = make_client(f"tenant-{index}").client
        make_key(client)
        register_microservice(client=client, spec=SPEC, by=TESTER)
        add_minute(client, clock.now().replace(second=0, microsecond=0))
    assert queries(console, address) <= few
    assert few <= 12


def test_more_traffic_needs_no_more_queries(console: Browser, furnished: NewClient) -> None:
    few = queries(console, "/admin/client/acme/")
    minute = clock.now().replace(second=0, microsecond=0)
    for writer in range(5, 25):
        add_minute(furnished.client, minute, writer=writer)
    assert queries(console, "/admin/client/acme/") == few <= 8


def test_audit_is_searched_by_words(console: Browser, furnished: NewClient) -> None:
    page = console.get("/admin/audit/?q=register_microservice+acme").content.decode()
    assert "register_microservice" in page
    assert "setup_client" not in page
    assert "Nothing holds" in console.get("/admin/audit/?q=register_microservice+globex").content.decode()


def test_audit_of_a_client_is_its_own(console: Browser, furnished: NewClient) -> None:
    page = console.get("/admin/client/globex/audit/").content.decode()
    assert "register_microservice" not in page
    assert "setup_client" in page


def test_form_without_its_token_is_refused_with_a_page_for_people(operator: User) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(operator)
    answer = browser.post("/admin/clients/new/", {"name": "initech"})
    assert answer.status_code == 403
    assert b"reload the page" in answer.content
    assert answer["Content-Security-Policy"] == POLICY


class BrokenStore(MemoryConfigStore):
    """A store with a fault of ours."""

    def list(self, prefix: str = "/") -> tuple[Document, ...]:
        """Fails as nobody foresaw."""
        raise RuntimeError("a secret of the inside")


def test_fault_of_ours_is_a_page_without_a_traceback(operator: User) -> None:
    browser = Browser(raise_request_exception=False)
    browser.force_login(operator)
    with use_store(BrokenStore()):
        answer = browser.get("/admin/configuration/")
    assert answer.status_code == 500
    assert b"Something went wrong here" in answer.content
    assert b"secret of the inside" not in answer.content


def test_overview_warns_while_records_wait_too_long(
    console: Browser, settings: Settings, tmp_path: Path
) -> None:
    settings.SELDON_DATA = tmp_path
    assert "Events are late" not in console.get("/admin/").content.decode()
    writer = open_writer(tmp_path / "spool")
    write_records(writer, make_record(1))
    writer.close()
    status_file().tell("fluentd://a", "a:24224: Connection refused")
    assert "a:24224: Connection refused" in console.get("/admin/").content.decode()
