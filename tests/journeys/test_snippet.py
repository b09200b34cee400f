"""The snippet on a site of another origin, with the product really running, dying and coming back."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Browser

from tests.browser import launch, needs_chromium
from tests.journeys.machines import Installation, new_place
from tests.journeys.web import Walker, serve_site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), needs_chromium]
QUICK = {"EVENTS_FLUSH_MIN_SECONDS": "0.2", "EVENTS_FLUSH_MAX_SECONDS": "1", "SELDON_WORKERS": "2"}
# A page that vanished has its last batch for a minute.
LEASE_SECONDS = 60


class Product(Installation):
    """The machine of these tests."""

    def shipped_steps(self, walk: str) -> Counter[int]:
        """How often each numbered event of a walk is in the hourly files."""
        files = (self.place.data / "logs").glob("events.*/*/*/*/*.log.gz")
        lines = [line for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]
        events = [json.loads(line.split(b"\t", 2)[2]) for line in lines]
        return Counter(event["n"] for event in events if event.get("walk") == walk)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A migrated installation with the client demo; not started yet."""
    with new_place(tmp_path_factory.mktemp("product"), settings.DATABASE_URL) as place:
        place.migrate()
        place.cli_json("client", "setup", "demo")
        made = Product(place, QUICK)
        yield made
        made.stop()


@pytest.fixture(scope="module")
def site(product: Product) -> Iterator[str]:
    """A site of another origin, whose key is bound to it."""
    with serve_site(product.url, product.make_js_key("demo", "localhost")) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launch() as found:
        yield found


def test_events_of_wandering_visitors_are_there_exactly_once(
    product: Product, site: str, browser: Browser
) -> None:
    with browser.new_context() as context:
        walker = Walker(context, site, seed=7)
        machine = product.start()
        walker.walk(60)
        machine.kill_part("worker-1")
        walker.walk(60)
        product.stop()
        walker.walk(40)
        product.start()
        walker.walk(40)
        assert walker.wait_until_sent(30)
    product.stop()
    assert product.shipped_steps(walker.name) == Counter(range(walker.told))
    assert walker.complaints == []


@pytest.mark.journey
@pytest.mark.parametrize("seed", [1, 2])
def test_a_thousand_events_are_there_exactly_once(
    product: Product, site: str, browser: Browser, seed: int
) -> None:
    with browser.new_context() as context:
        walker = Walker(context, site, seed)
        for _ in range(4):
            machine = product.start()
            for part in ("worker-1", "shipper", "worker-2"):
                walker.walk(60)
                machine.kill_part(part)
            walker.crash()
            product.stop()
            walker.walk(65)
        product.start()
        assert walker.wait_until_sent(LEASE_SECONDS * 2)
    product.stop()
    assert walker.told >= 1000
    assert product.shipped_steps(walker.name) == Counter(range(walker.told))
    assert walker.complaints == []


def test_a_page_that_the_key_is_not_bound_to_is_refused(product: Product, browser: Browser) -> None:
    product.start()
    key = product.make_js_key("demo", "shop.example.com")
    with serve_site(product.url, key) as site, browser.new_context() as context:
        page = context.new_page()
        with page.expect_response("**/js/events?**") as found:
            page.goto(site)
            page.evaluate("(window.seldon = window.seldon || []).push(['event', 'step', {n: 1}])")
        assert found.value.status == 403
        page.wait_for_function("!Object.keys(localStorage).some((name) => /[0-9a-f]{32}$/.test(name))")


def test_a_page_may_post_json_with_headers_of_its_own(product: Product, site: str, browser: Browser) -> None:
    """For which the browser asks first."""
    product.start()
    script = """async (url) => (await fetch(url, {method: 'POST', body: '[{"a": 1}]',
        headers: {'Content-Type': 'application/json', 'Idempotency-Key': 'one'}})).json()"""
    key = product.make_js_key("demo", "localhost")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(site)
        answer = page.evaluate(script, f"{product.url}/js/events?consumer_key={key}")
    assert answer == {"accepted": 1, "rejected": []}


@pytest.mark.parametrize("width", [1280, 390])
def test_the_demonstration_shows_what_is_sent_and_answered(
    product: Product, browser: Browser, width: int
) -> None:
    product.start()
    complaints: list[str] = []
    with browser.new_context(viewport={"width": width, "height": 900}) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(f"{product.url}/demo")
        page.click("text=Signed in as")
        page.click("text=100 events")
        page.click("text=Send now")
        page.wait_for_function("document.getElementById('kept').textContent >= 100")
        assert '"accepted":50' in page.inner_text("#batches")
        assert '"user":"u-17"' in page.inner_text("#batches")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.click("text=Consent")
        assert page.inner_text("#visitor") == "none"
    assert complaints == []
