"""How the snippet tries again, over lost networks, closed browsers and several pages, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import launch_with_profile, needs_chromium
from tests.events.shop import Reply, Shop, settled, types

pytestmark = [pytest.mark.slow, needs_chromium]
NOON = 1_790_000_000
ONE = "seldon.event('one', {n: 1})"


# -- trying again ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        Reply(0),
        Reply(500),
        Reply(503, {"error_id": 14, "http_response": 503}, {"Retry-After": "5"}),
        Reply(429, {"error_id": 20, "http_response": 429}, {"Retry-After": "5"}),
        Reply(200, {"error_id": 14, "error_msg": "no room", "http_response": 503}),
    ],
    ids=["network", "500", "503", "429", "legacy"],
)
def test_a_batch_that_failed_is_sent_again_the_same(shop: Shop, reply: Reply) -> None:
    shop.replies = [reply, reply]
    page = shop.open(clock_at=NOON)
    shop.wait_for(lambda: len(shop.posts) == 3 and not shop.batches(page), page, pass_ms=10_000)
    assert len({(post.idempotency_key, post.text) for post in shop.posts}) == 1


def test_retry_after_is_waited_for_by_every_page(shop: Shop) -> None:
    shop.replies = [Reply(429, {}, {"Retry-After": "100"})]
    page = shop.open(clock_at=NOON)
    page.clock.run_for(1000)
    shop.wait_for(lambda: "seldon.wait.KEY" in shop.stored(page), page)
    page.clock.run_for(90_000)
    other = shop.open("/b", clock_at=NOON + 90)
    other.clock.run_for(3000)
    assert len(shop.posts) == 1
    shop.wait_for(lambda: len(shop.events()) == 2, other, pass_ms=5000)
    assert other.evaluate("Date.now()") >= (NOON + 100) * 1000


def test_pauses_between_attempts_grow(shop: Shop) -> None:
    shop.replies = [Reply(500)] * 6
    shop.own_script = "window.told = []; addEventListener('seldon', (e) => told.push(e.detail))"
    page = shop.open(clock_at=NOON)
    shop.wait_for(lambda: len(shop.posts) == 6, page, pass_ms=10_000)
    pauses = [told["seconds"] for told in page.evaluate("told") if told["what"] == "retry"]
    for power, pause in enumerate(pauses[:5], start=1):
        assert 2**power / 2 <= pause <= 2**power


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_a_batch_that_is_refused_is_not_sent_again(shop: Shop, status: int) -> None:
    shop.replies = [Reply(status, {"error_id": 1})]
    page = shop.open()
    settled(shop, page, 1)
    page.evaluate(ONE)
    settled(shop, page, 2)
    assert [event["type"] for event in shop.posts[1].events] == ["one"]


def test_events_offline_are_sent_once_the_network_is_back(shop: Shop) -> None:
    page = shop.open()
    settled(shop, page, 1)
    shop.context.set_offline(True)
    page.evaluate(ONE)
    page.wait_for_timeout(200)
    assert (len(shop.posts), len(shop.batches(page))) == (1, 1)
    shop.context.set_offline(False)
    settled(shop, page, 2)
    assert types(shop) == ["page_view", "one"]


def test_what_waits_survives_the_browser(browser: Browser, tmp_path: Path) -> None:
    with launch_with_profile(browser, tmp_path) as context, Shop(context) as shop:
        shop.attributes = 'data-batch-delay="3600" data-timeout="0.5"'
        page = shop.open()
        context.set_offline(True)
        page.evaluate(ONE)
        page.goto("about:blank")
    with launch_with_profile(browser, tmp_path) as context, Shop(context) as shop:
        page = shop.open()
        shop.wait_for(lambda: "one" in types(shop), page)


# -- several pages -----------------------------------------------------------------------------------


def left_behind(lease: int, *, begun: int = NOON, tried: int = 0) -> str:
    """A script that leaves a batch as a page that is gone would."""
    text = f'{begun}000 {lease}000 {tried}000 {{"type":"left"}}'
    return f"localStorage.setItem('seldon.KEY.' + 'a'.repeat(32), {json.dumps(text)})"


def test_what_a_page_left_behind_is_sent_by_another_when_its_lease_ends(shop: Shop) -> None:
    shop.own_script = left_behind(NOON + 30)
    page = shop.open(clock_at=NOON)
    page.clock.run_for(5000)
    shop.wait_for(lambda: types(shop) == ["page_view"], page)
    shop.wait_for(lambda: "left" in types(shop), page, pass_ms=5000)
    assert page.evaluate("Date.now()") >= (NOON + 30) * 1000
    assert shop.posts[-1].idempotency_key == "a" * 32


@pytest.mark.parametrize(
    ("begun", "tried", "is_sent"),
    [(6 * 86_400, 0, True), (8 * 86_400, 0, False), (80_000, 80_000, True), (90_000, 90_000, False)],
    ids=["young", "old", "tried within a day", "tried before"],
)
def test_what_is_too_old_is_dropped(shop: Shop, begun: int, tried: int, is_sent: bool) -> None:
    shop.own_script = left_behind(0, begun=NOON - begun, tried=NOON - tried if tried else 0)
    page = shop.open(clock_at=NOON)
    shop.wait_for(lambda: not shop.batches(page) and bool(shop.posts), page, pass_ms=2000)
    for _ in range(5):
        page.clock.run_for(2000)
        page.wait_for_timeout(20)
    assert ("left" in types(shop)) is is_sent
    assert shop.batches(page) == {}


def test_no_two_tabs_send_the_same_event(shop: Shop) -> None:
    shop.attributes += ' data-page-views="off"'
    shop.replies = [Reply(500)] * 4
    pages = [shop.open() for _ in range(4)]
    for number, page in enumerate(pages):
        page.evaluate(f"for (let n = 0; n < 25; n++) seldon.event('e', {{n, tab: {number}}})")
    shop.wait_for(lambda: len(shop.events()) == 100 and not shop.batches(pages[0]), pages[0])
    assert len({(event["tab"], event["n"]) for event in shop.events()}) == 100


@pytest.mark.parametrize("reply", [Reply(), Reply(503), Reply(0)], ids=["kept", "503", "network"])
def test_a_page_does_not_add_to_a_batch_that_another_took(shop: Shop, reply: Reply) -> None:
    shop.attributes = 'data-batch-delay="3600" data-page-views="off"'
    shop.replies = [reply]
    first = shop.open(clock_at=NOON)
    first.evaluate("seldon.event('e', {n: 1})")
    second = shop.open(clock_at=NOON + 7300)
    shop.wait_for(lambda: len(shop.events()) == 1, second, pass_ms=2000)
    first.evaluate("seldon.event('e', {n: 2}); seldon.flush()")
    shop.wait_for(lambda: not shop.batches(first), second, pass_ms=1000)
    assert sorted(event["n"] for event in shop.events()) == [1, 2]
    assert len({(post.idempotency_key, post.text) for post in shop.posts}) == 2


def test_what_waits_is_bounded_and_the_oldest_goes_first(shop: Shop) -> None:
    shop.attributes = 'data-page-views="off" data-batch-size="10" data-queue-bytes="20000"'
    shop.replies = [Reply(500)] * 1000
    page = shop.open()
    page.evaluate("for (let n = 0; n < 400; n++) seldon.event('e', {n, text: 'x'.repeat(100)})")
    stored = "".join(shop.batches(page).values())
    assert 10_000 < len(stored) < 25_000
    assert '"n":399,' in stored
    assert '"n":0,' not in stored
