"""A web site of another origin than the product, and people who walk through it."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from playwright.sync_api import BrowserContext, Page

from deploy.waiting import wait_until

ATTRIBUTES: Final = 'data-page-views="off" data-batch-size="20" data-batch-delay="0.2" data-timeout="2"'
_WAITING: Final = (
    "Object.keys(localStorage).filter((name) => /^seldon\\..+\\.[0-9a-f]{32}$/.test(name)).length"
)
_MOST_TABS: Final = 3


@contextlib.contextmanager
def serve_site(seldon: str, js_key: str, attributes: str = ATTRIBUTES) -> Iterator[str]:
    """`http://localhost:<port>`: every page has the snippet of `seldon`, and allows nothing but it."""
    policy = f"default-src 'none'; script-src {seldon}; connect-src {seldon}"
    tag = f'<script async src="{seldon}/js/seldon.js" data-key="{js_key}" {attributes}></script>'
    content = f"<!DOCTYPE html><title>Shop</title>{tag}".encode()

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", policy)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *words: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Walker:
    """Somebody with some tabs open, whose pages tell numbered events."""

    def __init__(self, context: BrowserContext, site: str, seed: int) -> None:
        self.told = 0
        self.name = f"walk-{seed}"
        self.complaints: list[str] = []
        self._context = context
        self._site = site
        self._chance = random.Random(seed)
        self._pages: list[Page] = []
        context.on(
            "page", lambda page: page.on("pageerror", lambda error: self.complaints.append(str(error)))
        )

    def walk(self, events: int) -> None:
        """Tell `events` more events, and some without a network, between them wandering about."""
        end = self.told + events
        steps = [self._navigate, self._open, self._close, self._lose_network]
        while self.told < end:
            self._tell(min(self._chance.randint(1, 25), end - self.told))
            self._chance.choice(steps)()

    def stay(self, events: int) -> None:
        """Tell `events` more events on a page that is open, and open one only when none is."""
        self._tell(events)
        self._pages[0].wait_for_timeout(200)

    def crash(self) -> None:
        """A tab is gone without a word, with events that were told just now."""
        page = self._page()
        self._tell(5, page)
        self._pages.remove(page)
        page.close()

    def wait_until_sent(self, timeout_seconds: float) -> bool:
        """Whether nothing waits in the browser any more."""
        page = self._page()

        def is_empty() -> bool:
            page.wait_for_timeout(100)
            return bool(page.evaluate(_WAITING) == 0)

        return wait_until(is_empty, timeout_seconds)

    def _tell(self, events: int, page: Page | None = None) -> None:
        words = [self.told, self.told + events, self.name]
        script = "([n, end, walk]) => { for (; n < end; n++) seldon.event('step', {n, walk}) }"
        (page or self._page()).evaluate(script, words)
        self.told += events

    def _page(self) -> Page:
        if not self._pages:
            self._open()
        return self._chance.choice(self._pages)

    def _open(self) -> None:
        if len(self._pages) < _MOST_TABS:
            self._pages.append(self._context.new_page())
            self._go(self._pages[-1])

    def _navigate(self) -> None:
        self._go(self._page())

    def _go(self, page: Page) -> None:
        page.goto(f"{self._site}/{self._chance.randint(1, 9)}")
        page.wait_for_function('!!window.seldon && "event" in seldon')

    def _close(self) -> None:
        if self._pages:
            page = self._pages.pop(self._chance.randrange(len(self._pages)))
            with page.expect_event("close"):
                page.close(run_before_unload=True)

    def _lose_network(self) -> None:
        page = self._page()
        self._context.set_offline(True)
        self._tell(3, page)
        self._context.set_offline(False)
