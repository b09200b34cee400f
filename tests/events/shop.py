"""A web shop that has the snippet on its pages, and a collector that answers as a test says; no network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import BrowserContext, Page, Route

from scripts.snippet import BUILT

SHOP: Final = "https://shop.example.com"
SELDON: Final = "https://seldon.example.com"
# What the browser may do on a page that allows as little as the snippet needs.
STRICT: Final = (
    f"default-src 'none'; script-src {SELDON} {SHOP}/own.js; connect-src {SELDON}; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_MOST_LOOKS: Final = 750


@dataclass(frozen=True)
class Post:
    """One batch as it arrived."""

    key: str
    idempotency_key: str
    text: str
    headers: dict[str, str]

    @property
    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.text)
        return found


@dataclass
class Reply:
    """What the collector says to the next batch; no answer at all when `status` is 0."""

    status: int = 200
    body: dict[str, Any] = field(default_factory=lambda: {"accepted": 1, "rejected": []})
    headers: dict[str, str] = field(default_factory=dict)


class Shop:
    """Pages at SHOP in one browser profile; `posts` is what SELDON got, `replies` what it will say first."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.posts: list[Post] = []
        self.replies: list[Reply] = []
        self.complaints: list[str] = []
        self.head = ""
        self.policy = ""
        self.own_script = ""
        self.attributes = 'data-batch-delay="0.05"'
        self.tag = '<script async src="{seldon}/js/seldon.js" data-key="KEY" {attributes}></script>'
        self.context.route(f"{SHOP}/**", self._serve_page)
        self.context.route(f"{SELDON}/**", self._serve_seldon)
        self.context.on("page", self._listen)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        if failure[0] is None:
            assert self.complaints == []

    def open(self, path: str = "/", **clock: int) -> Page:
        """A new tab at `path`; `clock_at=<unix seconds>` gives it a clock that stands until it is moved."""
        page = self.context.new_page()
        if clock:
            page.clock.install(time=clock["clock_at"])
        page.goto(f"{SHOP}{path}")
        page.wait_for_function("window.seldon && !Array.isArray(window.seldon)")
        return page

    def wait_for(self, claim: Callable[[], bool], page: Page, pass_ms: int = 0) -> None:
        """Let the browser work until `claim` holds; a clock of its own moves `pass_ms` each time."""
        for _ in range(_MOST_LOOKS):
            if claim():
                return
            if pass_ms:
                page.clock.run_for(pass_ms)
            page.wait_for_timeout(20)
        raise AssertionError(f"it did not happen; posts: {self.posts}")

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        """All that arrived, each batch once as the server would count it."""
        counted = {post.idempotency_key: post for post in self.posts}
        return [event for post in counted.values() for event in post.events if kind in {"", event["type"]}]

    def stored(self, page: Page) -> dict[str, str]:
        """What the snippet keeps in the browser."""
        found: dict[str, str] = page.evaluate("({...localStorage})")
        return found

    def batches(self, page: Page) -> dict[str, str]:
        """The batches that wait."""
        return {name: text for name, text in self.stored(page).items() if name.startswith("seldon.KEY.")}

    def _listen(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        refused = ("Failed to load resource", "net::ERR")
        page.on(
            "console",
            lambda said: (
                self.complaints.append(said.text)
                if said.type == "error" and not said.text.startswith(refused)
                else None
            ),
        )

    def _serve_page(self, route: Route) -> None:
        if route.request.url.endswith("/own.js"):
            route.fulfill(content_type="text/javascript", body=self.own_script)
            return
        own = '<script src="/own.js"></script>' if self.own_script else ""
        tag = self.tag.format(seldon=SELDON, attributes=self.attributes)
        headers = {"content-security-policy": self.policy} if self.policy else {}
        body = f"<!DOCTYPE html><title>Shop</title>{self.head}{own}{tag}"
        route.fulfill(content_type="text/html", headers=headers, body=body)

    def _serve_seldon(self, route: Route) -> None:
        request = route.request
        if urlsplit(request.url).path == "/js/seldon.js":
            route.fulfill(content_type="application/javascript", body=BUILT.read_text())
            return
        assert request.method == "POST", f"a preflight request: {request.method}"
        query = parse_qs(urlsplit(request.url).query)
        key, batch = query["consumer_key"][0], query["idempotency_key"][0]
        self.posts.append(Post(key, batch, request.post_data or "", request.headers))
        reply = self.replies.pop(0) if self.replies else Reply()
        if not reply.status:
            route.abort("connectionrefused")
            return
        exposed = {"access-control-allow-origin": "*", "access-control-expose-headers": "Retry-After"}
        route.fulfill(
            status=reply.status,
            content_type="application/json",
            headers={**exposed, **reply.headers},
            body=json.dumps(reply.body),
        )


def types(shop: Shop) -> list[str]:
    """The types of what came, in order."""
    return [event["type"] for event in shop.events()]


def settled(shop: Shop, page: Page, posts: int) -> None:
    """`posts` batches came, and the snippet has heard what became of them."""
    shop.wait_for(lambda: len(shop.posts) >= posts and not shop.batches(page), page)
