"""Debian's Chromium, steered by playwright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

CHROMIUM: Final = Path("/usr/bin/chromium")
_ARGUMENTS: Final = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]

needs_chromium: Final = pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is not installed")


@contextmanager
def launch() -> Iterator[Browser]:
    """A browser without a window, closed with the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def launch_with_profile(browser: Browser, folder: Path) -> Iterator[BrowserContext]:
    """A browser beside `browser` that keeps what pages store in `folder`, as a person's does."""
    context = browser.browser_type.launch_persistent_context(
        folder, executable_path=CHROMIUM, args=_ARGUMENTS
    )
    yield context
    context.close()
