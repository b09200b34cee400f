"""The console in a real browser on a real server: an operator's whole morning, without a complaint."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Page

from deploy.waiting import answers, wait_until
from tests.browser import launch, needs_chromium
from tests.console.model_server import serve_model
from tests.processes import migrated_surroundings

ROOT = Path(__file__).parents[2]
DEPLOYMENT = "/admin/client/acme/deployments/iris/"
EDITOR = "/admin/configuration/edit/?path=/all_clients/acme/predict_algs"

pytestmark = [pytest.mark.slow, needs_chromium]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the installation."""
    return tmp_path_factory.mktemp("console-data")


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[str]:
    """The address of a furnished installation of the test's own."""
    with serve_model() as model_url, migrated_surroundings(data, settings.DATABASE_URL) as found:
        surroundings = {**found, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": ""}
        run(surroundings, "-m", "tests.console.furnish", model_url)
        with serve(surroundings) as url:
            yield url


def run(surroundings: dict[str, str], *words: str) -> None:
    subprocess.run([sys.executable, *words], cwd=ROOT, env=surroundings, check=True, timeout=100)


@contextmanager
def serve(surroundings: dict[str, str]) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    words = ["-m", "uvicorn", "seldon_api.asgi:application", "--port", str(port), "--log-level", "error"]
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=surroundings)
    try:
        url = f"http://127.0.0.1:{port}"
        assert wait_until(lambda: answers(f"{url}/admin/login/"), 60), f"{url} never became ready"
        yield url
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def open_page(server: str, width: int = 1280) -> Iterator[Page]:
    """A page on which the operator is signed in; fails when the page's scripts or its policy complained."""
    complaints: list[str] = []
    with launch() as browser:
        page = browser.new_context(base_url=server, viewport={"width": width, "height": 900}).new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("dialog", lambda dialog: dialog.accept())
        sign_in(page)
        yield page
    # The browser says so itself of each answer that is meant to be a refusal.
    assert [each for each in complaints if "status of 4" not in each] == []


def sign_in(page: Page) -> None:
    page.goto("/admin/login/")
    page.fill("#id_username", "jane")
    page.fill("#id_password", "a long password here")
    page.click("#login-form button")
    page.wait_for_url("**/admin/")


def test_operator_makes_a_key_tries_a_model_mends_a_strategy_and_rolls_it_back(server: str) -> None:
    with open_page(server) as page:
        make_key(page)
        try_microservice(page)
        mend_strategy(page)
        roll_back(page)


def make_key(page: Page) -> None:
    """The secret is there once: neither reloading nor going back brings it again."""
    page.goto("/admin/client/acme/keys/new/")
    page.select_option("#id_kind", "fine")
    page.check("input[value=events]")
    page.click("text=Make the key")
    secret = page.inner_text("[data-secret]")
    assert len(secret) > 20
    page.reload()
    assert page.url.endswith("/admin/client/acme/keys/")
    assert secret not in page.content()
    page.go_back()
    assert secret not in page.content()


def try_microservice(page: Page) -> None:
    page.goto("/admin/client/acme/microservices/iris/")
    page.click("#test-form >> text=Test")
    assert "It answered in" in page.inner_text("#probe")
    assert "<i>setosa</i>" in page.inner_text("#probe")


def mend_strategy(page: Page) -> None:
    """An error is shown at its line, the mended text as a difference, and then it is saved."""
    page.goto(EDITOR)
    sound = page.input_value("#id_text")
    assert page.inner_text(".cx-gutter").split()[-1] == str(sound.count("\n") + 1)
    page.fill("#id_text", sound.replace('"algorithms": [', '"algorithms": [,'))
    page.click("text=Check and preview")
    assert "Line 2, column" in page.inner_text("#fault")
    page.fill("#id_text", sound.replace("iris", "rose"))
    page.click("text=Check and preview")
    assert "rose" in page.inner_text(".cx-add")
    page.click("button[value=save]")
    assert "Saved as version 2" in page.inner_text("#main")


def roll_back(page: Page) -> None:
    page.click("text=Roll back to this")
    assert "Version 1 is in force again" in page.inner_text("#main")
    page.goto(EDITOR)
    assert "iris" in page.input_value("#id_text")


PAGES = [
    "/admin/",
    "/admin/client/acme/",
    "/admin/client/acme/keys/",
    EDITOR,
    "/admin/audit/",
    "/admin/auth/user/",
    "/admin/deployments/",
    DEPLOYMENT,
    f"{DEPLOYMENT}units/main/bandit/",
]


def test_no_page_is_wider_than_a_phone(server: str) -> None:
    with open_page(server, width=390) as page:
        wide = []
        for address in PAGES:
            page.goto(address)
            if page.evaluate("document.documentElement.scrollWidth") > 390:
                wide.append(address)
    assert wide == []


def test_log_follows_until_somebody_scrolls_up_and_the_graph_stays_where_it_was(
    server: str, data: Path
) -> None:
    log = data / "run" / "bandit.log"
    with open_page(server, width=390) as page:
        page.goto(DEPLOYMENT)
        page.evaluate("document.querySelector('[data-keep=graph-main]').scrollLeft = 60")
        write_on(log, "the newest line")
        page.wait_for_function("document.querySelector('.cx-log').textContent.includes('the newest line')")
        assert page.evaluate(IS_AT_END)
        assert page.evaluate("document.querySelector('[data-keep=graph-main]').scrollLeft") == 60
        page.evaluate("document.querySelector('.cx-log').scrollTop = 5")
        write_on(log, "one more")
        page.wait_for_function("document.querySelector('.cx-log').textContent.includes('one more')")
        assert page.evaluate("document.querySelector('.cx-log').scrollTop") == 5


def write_on(log: Path, line: str) -> None:
    with log.open("a") as opened:
        opened.write(f"{line}\n")


IS_AT_END = """(() => { const log = document.querySelector('.cx-log');
    return log.scrollTop > 0 && log.scrollTop + log.clientHeight >= log.scrollHeight - 8; })()"""


def test_units_in_the_graph_lead_to_their_pages(server: str) -> None:
    with open_page(server) as page:
        page.goto(DEPLOYMENT)
        page.click(".graph a >> nth=0")
        page.wait_for_url("**/units/main/bandit/")
        assert page.locator("svg.plot").count() == 2
