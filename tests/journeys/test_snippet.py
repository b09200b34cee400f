"""The snippet on a site of another origin, with the product really running, dying and coming back."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser import launch, needs_chromium
from tests.journeys.machines import Place, Running, new_place
from tests.journeys.web import Walker, serve_site
from tests.servers import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), needs_chromium]
QUICK = {"EVENTS_FLUSH_MIN_SECONDS": "0.2", "EVENTS_FLUSH_MAX_SECONDS": "1", "SELDON_WORKERS": "2"}
# A page that vanished has its last batch for a minute.
LEASE_SECONDS = 60


@pytest.fixture
def place(tmp_path: Path, settings: Any) -> Iterator[Place]:
    with new_place(tmp_path, settings.DATABASE_URL) as made:
        if not made.database_url:
            assert made.cli("migrate").returncode == 0
        made.cli_json("client", "setup", "acme")
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launch() as found:
        yield found


def make_js_key(place: Place, origin: str) -> str:
    words = ("--client", "acme", "--kind", "js", "--origin", origin)
    return str(place.cli_json("keys", "create", *words)["key"])


@contextlib.contextmanager
def running(place: Place, port: int) -> Iterator[Running]:
    """The product on `port`, ended as an operator ends it."""
    with place.running("serve", SELDON_PORT=str(port), **QUICK) as machine:
        machine.url()
        yield machine
        assert machine.stop() == 0, machine.report()


def shipped_numbers(data: Path) -> Counter[int]:
    """How often each numbered event is in the hourly files."""
    files = (data / "logs").glob("events.*/*/*/*/*.log.gz")
    lines = [line for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]
    events = [json.loads(line.split(b"\t", 2)[2]) for line in lines]
    assert {event["client"] for event in events} <= {"acme"}
    return Counter(event["n"] for event in events if "n" in event)


def test_events_of_wandering_visitors_are_there_exactly_once(place: Place, browser: Browser) -> None:
    port = free_port()
    key = make_js_key(place, "localhost")
    with serve_site(f"http://127.0.0.1:{port}", key) as site, browser.new_context() as context:
        walker = Walker(context, site, seed=7)
        with running(place, port) as machine:
            walker.walk(60)
            machine.kill_part("worker-1")
            walker.walk(60)
        walker.walk(40)
        with running(place, port):
            walker.walk(40)
            assert walker.wait_until_sent(30)
    assert shipped_numbers(place.data) == Counter(range(walker.told))
    assert walker.complaints == []


@pytest.mark.journey
@pytest.mark.parametrize("seed", [1, 2])
def test_a_thousand_events_are_there_exactly_once(place: Place, browser: Browser, seed: int) -> None:
    port = free_port()
    key = make_js_key(place, "localhost")
    with serve_site(f"http://127.0.0.1:{port}", key) as site, browser.new_context() as context:
        walker = Walker(context, site, seed)
        for _ in range(4):
            with running(place, port) as machine:
                for part in ("worker-1", "shipper", "worker-2"):
                    walker.walk(60)
                    machine.kill_part(part)
                walker.crash()
            walker.walk(65)
        with running(place, port):
            assert walker.wait_until_sent(LEASE_SECONDS * 2)
    assert walker.told == 1000
    assert shipped_numbers(place.data) == Counter(range(1000))
    assert walker.complaints == []


def test_a_page_that_the_key_is_not_bound_to_is_refused(place: Place, browser: Browser) -> None:
    port = free_port()
    key = make_js_key(place, "shop.example.com")
    with (
        serve_site(f"http://127.0.0.1:{port}", key) as site,
        running(place, port),
        browser.new_context() as context,
    ):
        page = context.new_page()
        with page.expect_response("**/js/events?**") as found:
            page.goto(site)
            page.evaluate("(window.seldon = window.seldon || []).push(['event', 'step', {n: 1}])")
        assert found.value.status == 403
        page.wait_for_function("!Object.keys(localStorage).some((name) => /[0-9a-f]{32}$/.test(name))")
    assert shipped_numbers(place.data) == Counter()
