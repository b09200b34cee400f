"""Seals: each opens one path, for the client that it names."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from clients.errors import TokenMissingError, TokenUnknownError
from clients.seals import SealDoor, seal_of
from common.errors import NotAuthenticatedError

DOOR = SealDoor(lambda request: request.scope["path"])
PATH = "/explained/acme/iris/main"


def shown(text: str, path: str = PATH) -> Any:
    headers = {b"authorization": b"Bearer " + text.encode()} if text else {}
    request: Any = SimpleNamespace(
        headers=headers, scope={"path": path, "query_string": b""}, params={"client": path.split("/")[2]}
    )
    return DOOR.verify(request)


def test_seal_lets_in_as_the_client_of_its_path() -> None:
    caller = shown(seal_of(PATH))
    assert (caller.client, caller.may("predict", "POST"), caller.may("manage")) == ("acme", True, False)


@pytest.mark.parametrize("path", ["/explained/globex/iris/main", "/explained/acme/iris/next"])
def test_seal_of_another_path_is_refused(path: str) -> None:
    with pytest.raises(TokenUnknownError):
        shown(seal_of(PATH), path)


@pytest.mark.parametrize(("text", "kind"), [("", TokenMissingError), ("seal.", TokenUnknownError)])
def test_what_is_no_seal_is_refused(text: str, kind: type[NotAuthenticatedError]) -> None:
    with pytest.raises(kind):
        shown(text)


def test_seal_made_under_the_former_secret_key_counts(settings: Any) -> None:
    former = seal_of(PATH)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    assert shown(former).client == "acme"
