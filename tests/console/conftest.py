"""An operator who is signed in, a configuration store of the test's own, and no memory between tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client as Browser

from stores.config import ConfigStore, get_store, use_store


@pytest.fixture(autouse=True)
def _fresh(settings: Any) -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def operator(db: None) -> User:
    """Somebody who may do everything."""
    return User.objects.create_superuser("jane", "jane@example.com", "a long password here")


@pytest.fixture
def console(operator: User) -> Browser:
    """A browser in which the operator is signed in."""
    browser = Browser()
    browser.force_login(operator)
    return browser


@pytest.fixture
def store(db: None) -> Iterator[ConfigStore]:
    """A configuration store that knows only what the test writes."""
    with use_store(None):
        yield get_store()
