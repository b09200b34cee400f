"""What the snippet does on a page, in a real browser: what it sends, keeps, tries again and forgets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import launch, launch_with_profile, needs_chromium
from tests.events.shop import SHOP, STRICT, Reply, Shop

pytestmark = [pytest.mark.slow, needs_chromium]
NOON = 1_790_000_000
ONE = "seldon.event('one', {n: 1})"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launch() as found:
        yield found


@pytest.fixture
def shop(browser: Browser) -> Iterator[Shop]:
    with browser.new_context() as context, Shop(context) as made:
        yield made


def types(shop: Shop) -> list[str]:
    return [event["type"] for event in shop.events()]


def settled(shop: Shop, page: Page, posts: int) -> None:
    """`posts` batches came, and the snippet has heard what became of them."""
    shop.wait_for(lambda: len(shop.posts) >= posts and not shop.batches(page), page)


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
