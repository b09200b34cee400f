"""What the snippet does on a page, in a real browser: what it sends, keeps and forgets."""

from __future__ import annotations

import json

import pytest

from tests.browser import needs_chromium
from tests.events.shop import SHOP, STRICT, Shop, settled, types

pytestmark = [pytest.mark.slow, needs_chromium]
NOON = 1_790_000_000
ONE = "seldon.event('one', {n: 1})"


# -- what is sent ----------------------------------------------------------------------------------


def test_calls_made_before_it_loads_are_sent_with_the_page_view(shop: Shop) -> None:
    shop.own_script = "(window.seldon = window.seldon || []).push(['user', 'u1'], ['event', 'early', {n: 1}])"
    page = shop.open("/a?b=1")
    settled(shop, page, 1)
    (early, view) = shop.events()
    assert (early["type"], early["n"], early["user"], early["url"]) == ("early", 1, "u1", f"{SHOP}/a?b=1")
    assert (view["type"], view["title"], view["referrer"]) == ("page_view", "Shop", "")
    assert abs(view["timestamp"] - page.evaluate("Date.now() / 1000")) < 60
    assert early["visitor"] == view["visitor"] == page.evaluate("seldon.id()")


def test_a_batch_is_sent_as_plain_text_with_its_key_and_no_cookies(shop: Shop) -> None:
    settled(shop, shop.open(), 1)
    (post,) = shop.posts
    assert post.key == "KEY"
    assert len(post.idempotency_key) == 32
    assert post.headers["content-type"] == "text/plain;charset=UTF-8"
    assert "cookie" not in post.headers


def test_an_action_names_user_and_item(shop: Shop) -> None:
    page = shop.open()
    page.evaluate("seldon.user('u1'); seldon.action('buy', 'p-17', {value: 2})")
    shop.wait_for(lambda: "action" in types(shop), page)
    (event,) = shop.events("action")
    assert [event[name] for name in ("user", "action", "item", "value")] == ["u1", "buy", "p-17", 2]


def test_events_are_sent_together_once_there_are_enough(shop: Shop) -> None:
    shop.attributes = 'data-page-views="off" data-batch-size="3" data-batch-delay="3600"'
    page = shop.open()
    page.evaluate("for (let n = 0; n < 7; n++) seldon.event('e', {n})")
    shop.wait_for(lambda: len(shop.posts) == 2, page)
    assert [[event["n"] for event in post.events] for post in shop.posts] == [[0, 1, 2], [3, 4, 5]]
    page.evaluate("seldon.flush()")
    settled(shop, page, 3)


def test_a_batch_stays_below_what_may_outlive_a_page(shop: Shop) -> None:
    shop.attributes = 'data-batch-size="1000" data-page-views="off"'
    page = shop.open()
    page.evaluate("for (let n = 0; n < 40; n++) seldon.event('e', {n, text: '€'.repeat(1000)})")
    shop.wait_for(lambda: len(shop.events()) == 40, page)
    assert max(len(post.text.encode()) for post in shop.posts) <= 30_100
    assert sorted(event["n"] for event in shop.events()) == list(range(40))


def test_an_event_too_large_is_dropped_and_told(shop: Shop) -> None:
    page = shop.open()
    page.evaluate("window.told = []; addEventListener('seldon', (e) => told.push(e.detail.reason))")
    page.evaluate("seldon.event('big', {text: 'x'.repeat(70000)})")
    assert "too large" in page.evaluate("told")
    settled(shop, page, 1)
    assert types(shop) == ["page_view"]


# -- pages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "views"), [("off", []), ("load", ["/"]), ("history", ["/", "/b"]), ("hash", ["/", "/b", "/b#c"])]
)
def test_page_views_are_counted_as_the_attribute_says(shop: Shop, mode: str, views: list[str]) -> None:
    shop.attributes += f' data-page-views="{mode}"'
    page = shop.open()
    page.evaluate("history.pushState({}, '', '/b'); history.replaceState({}, '', '/b')")
    page.wait_for_timeout(20)
    page.evaluate("location.hash = 'c'")
    page.wait_for_timeout(20)
    page.evaluate("seldon.event('last')")
    shop.wait_for(lambda: "last" in types(shop), page)
    assert [event["url"].removeprefix(SHOP) for event in shop.events("page_view")] == views


def test_a_view_within_the_page_is_referred_by_the_one_before(shop: Shop) -> None:
    shop.attributes += ' data-page-views="history"'
    page = shop.open("/a")
    page.evaluate("history.pushState({}, '', '/b'); setTimeout(() => document.title = 'B')")
    shop.wait_for(lambda: len(shop.events()) == 2, page)
    assert shop.events()[1]["referrer"] == f"{SHOP}/a"


def test_a_tag_manager_may_bring_it(shop: Shop) -> None:
    shop.own_script = """
      const tag = document.createElement('script');
      tag.src = 'https://seldon.example.com/js/seldon.js';
      tag.dataset.key = 'KEY'; tag.dataset.batchDelay = 0.05;
      document.head.append(tag); seldon = [['event', 'early']]"""
    shop.tag = ""
    settled(shop, shop.open(), 1)
    assert types(shop) == ["early", "page_view"]


def test_two_tags_count_a_page_once(shop: Shop) -> None:
    shop.head = '<script async src="https://seldon.example.com/js/seldon.js" data-key="KEY"></script>'
    page = shop.open()
    page.wait_for_load_state()
    page.evaluate("seldon.flush()")
    settled(shop, page, 1)
    assert types(shop) == ["page_view"]


# -- who ---------------------------------------------------------------------------------------------


def test_a_browser_keeps_its_id_over_pages_and_lost_storage(shop: Shop) -> None:
    page = shop.open()
    first = page.evaluate("seldon.id()")
    page.evaluate("localStorage.clear()")
    assert shop.open("/b").evaluate("seldon.id()") == first
    shop.context.clear_cookies()
    assert shop.open("/c").evaluate("seldon.id()") == first


def test_nothing_is_sent_or_kept_before_consent_where_it_is_required(shop: Shop) -> None:
    shop.attributes += ' data-consent="required"'
    page = shop.open()
    page.evaluate(ONE)
    page.wait_for_timeout(200)
    assert (shop.posts, shop.stored(page), shop.context.cookies()) == ([], {}, [])
    assert page.evaluate("seldon.id()") == ""
    page.evaluate("seldon.consent(true)")
    settled(shop, page, 1)
    assert types(shop) == ["page_view", "one"]
    assert len(page.evaluate("seldon.id()")) == 32
    # The next page knows.
    shop.wait_for(lambda: len(shop.events()) == 3, shop.open("/b"))


def test_consent_withdrawn_forgets_everything(shop: Shop) -> None:
    page = shop.open()
    settled(shop, page, 1)
    former = page.evaluate("seldon.id()")
    shop.attributes = 'data-batch-delay="3600"'
    page = shop.open("/b")
    page.evaluate(f"{ONE}; seldon.consent(false); {ONE}")
    assert shop.stored(page) == {"seldon.consent": "0"}
    assert shop.context.cookies() == []
    page.evaluate("seldon.flush()")
    other = shop.open("/c")
    assert other.evaluate("seldon.id()") == ""
    assert len(shop.posts) == 1
    other.evaluate("seldon.consent(true)")
    assert other.evaluate("seldon.id()") not in {"", former}


# -- never in the way --------------------------------------------------------------------------------


def test_it_works_under_the_strictest_policy(shop: Shop) -> None:
    shop.policy = STRICT
    shop.own_script = "window.seldon = [['event', 'early']]"
    page = shop.open()
    settled(shop, page, 1)
    assert types(shop) == ["early", "page_view"]


BLOCKED = {
    "storage": "Object.defineProperty(window, 'localStorage', {get() { throw new Error('blocked') }})",
    "full": "Storage.prototype.setItem = () => { throw new Error('full') }",
    "no storage": "Object.defineProperty(window, 'localStorage', {value: null})",
    "cookies": "Object.defineProperty(document, 'cookie', {get() { throw 1 }, set() { throw 1 }})",
    "crypto": "Object.defineProperty(window, 'crypto', {value: undefined})",
    "abort": "delete AbortSignal.timeout",
    "console": "console.debug = () => { throw new Error('no console') }",
}


@pytest.mark.parametrize("script", BLOCKED.values(), ids=BLOCKED.keys())
def test_it_works_without_what_a_browser_may_lack(shop: Shop, script: str) -> None:
    shop.context.add_init_script(script)
    shop.attributes += " data-debug"
    page = shop.open()
    page.evaluate(ONE)
    shop.wait_for(lambda: types(shop) == ["page_view", "one"], page)
    assert len({event["visitor"] for event in shop.events()}) == 1


@pytest.mark.parametrize("script", ["delete window.fetch", "delete Request.prototype.keepalive"])
def test_a_beacon_is_sent_where_fetch_would_not_outlive_the_page(shop: Shop, script: str) -> None:
    beacon = "navigator.sendBeacon = (url, body) => { beacons.push([url, body]); return true }"
    shop.context.add_init_script(f"window.beacons = []; {script}; {beacon}")
    shop.attributes = 'data-batch-delay="3600"'
    page = shop.open()
    page.evaluate(f"{ONE}; dispatchEvent(new PageTransitionEvent('pagehide'))")
    ((url, body),) = page.evaluate("beacons")
    assert "/js/events?consumer_key=KEY&idempotency_key=" in url
    assert [event["type"] for event in json.loads(body)] == ["page_view", "one"]


def test_without_fetch_all_that_waits_goes_by_beacons(shop: Shop) -> None:
    shop.context.add_init_script(
        "window.beacons = []; delete window.fetch; "
        "navigator.sendBeacon = (url, body) => { beacons.push(body); return true }"
    )
    shop.attributes = 'data-page-views="off" data-batch-size="2" data-batch-delay="0.05"'
    page = shop.open()
    page.evaluate("for (let n = 0; n < 7; n++) seldon.event('e', {n})")
    shop.wait_for(lambda: not shop.batches(page), page)
    sent = [event["n"] for body in page.evaluate("beacons") for event in json.loads(body)]
    assert sent == list(range(7))


def test_no_call_throws_into_the_page(shop: Shop) -> None:
    page = shop.open()
    page.evaluate(
        """() => {
          const circle = {}; circle.circle = circle;
          const thrower = {get a() { throw new Error('from the page') }};
          seldon.event('a', circle); seldon.event('b', {big: 1n}); seldon.event('c', thrower);
          seldon.event(); seldon.event(Symbol('d')); seldon.page(7); seldon.user(circle); seldon.consent();
          seldon.consent(true); seldon.user(); seldon.id(() => { throw new Error('from the page') });
          seldon.push(); seldon.push('text'); seldon.push(null); seldon.push(['nothing', 1], ['nothing']);
          seldon.push(['event', 'after']);
        }"""
    )
    shop.wait_for(lambda: "after" in types(shop), page)


def test_without_a_key_it_says_so_and_leaves_the_page_alone(shop: Shop) -> None:
    said: list[str] = []
    page = shop.context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.route(
        f"{SHOP}/",
        lambda route: route.fulfill(
            content_type="text/html", body='<script src="https://seldon.example.com/js/seldon.js"></script>'
        ),
    )
    page.goto(SHOP)
    assert said == ["seldon: the script tag has no data-key"]
    assert page.evaluate("window.seldon") is None
