"""The browser and the shop that the tests of the snippet stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import launch
from tests.events.shop import Shop


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, once for each module."""
    with launch() as found:
        yield found


@pytest.fixture
def shop(browser: Browser) -> Iterator[Shop]:
    """A shop that nobody has visited."""
    with browser.new_context() as context, Shop(context) as made:
        yield made
