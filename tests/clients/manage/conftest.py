"""Two tenants, their tokens, an operator's token, and a caller of /manage that speaks JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client as Browser

from clients import services
from clients.models import Client
from clients.records import By, KeySpec
from stores.config import use_store
from stores.config.memory import MemoryConfigStore

SETUP = By("cli:tests", "")


class Manage:
    """Calls /manage with one token and reads JSON back."""

    def __init__(self, token: str = "", browser: Browser | None = None) -> None:
        self.token = token
        self.browser = browser or Browser(raise_request_exception=False)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = body if isinstance(body, str | bytes) else "" if body is None else json.dumps(body)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            given["Authorization"] = f"Bearer {self.token}"
        return self.browser.generic(
            method, f"/manage/{path}", data, content_type="application/json", headers=given
        )


@pytest.fixture
def acme(db: None) -> Client:
    return services.setup_client(name="acme", by=SETUP).client


@pytest.fixture
def globex(db: None) -> Client:
    return services.setup_client(name="globex", by=SETUP).client


@pytest.fixture
def token_of() -> Callable[..., str]:
    def make(client: Client, kind: str = "all", scopes: tuple[str, ...] = ()) -> str:
        made = services.create_key(client=client, spec=KeySpec(kind, scopes), by=SETUP)
        return services.issue_token(key=made.key).text

    return make


@pytest.fixture
def operator(db: None) -> Manage:
    return Manage(services.issue_token(key=services.create_operator_key(by=SETUP).key).text)


@pytest.fixture
def as_acme(acme: Client, token_of: Callable[..., str]) -> Manage:
    return Manage(token_of(acme))


@pytest.fixture
def as_globex(globex: Client, token_of: Callable[..., str]) -> Manage:
    return Manage(token_of(globex))


@pytest.fixture(autouse=True)
def config_store() -> Iterator[MemoryConfigStore]:
    store = MemoryConfigStore()
    with use_store(store):
        yield store
