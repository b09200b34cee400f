"""Seals: each opens one path, for the client that it names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from clients.client_memory import ClientMemory
from clients.errors import TokenMissingError, TokenUnknownError
from clients.quotas import QuotaCounts, QuotaKeeper
from clients.seals import SealDoor, seal_of
from common.errors import NotAuthenticatedError
from tests.factories import make_caller

PATH = "/explained/acme/iris/main"


class Everybody:
    """Each name is a client's."""

    def find_clients(self, names: Sequence[str]) -> Any:
        return {name: make_caller(name) for name in names}

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def memory() -> Iterator[ClientMemory]:
    memory = ClientMemory(Everybody())
    yield memory
    memory.close()


@pytest.fixture
def door(memory: ClientMemory) -> SealDoor:
    # Nobody here has a quota.
    keeper = QuotaKeeper(cast("QuotaCounts", None))
    return SealDoor(lambda request: request.scope["path"], memory, keeper)


def request(text: str, path: str = PATH) -> Any:
    headers = {b"authorization": b"Bearer " + text.encode()} if text else {}
    scope = {"path": path, "query_string": b""}
    return SimpleNamespace(headers=headers, scope=scope, params={"client": path.split("/")[2]})


async def test_seal_lets_in_as_the_client_of_its_path(door: SealDoor) -> None:
    sealed = request(seal_of(PATH))
    assert door.verify(sealed) is None
    caller = await door.resolve(sealed)
    assert caller.client == "acme"
    assert door.verify(sealed) is caller


async def test_client_that_changed_is_looked_up_again(door: SealDoor, memory: ClientMemory) -> None:
    others = PATH.replace("acme", "globex")
    sealed, other = request(seal_of(PATH)), request(seal_of(others), others)
    for each in (sealed, other):
        await door.resolve(each)
    memory.forget(frozenset({"acme"}))
    assert (door.verify(sealed) is None, door.verify(other) is None) == (True, False)
    memory.forget(None)
    assert door.verify(other) is None


@pytest.mark.parametrize("path", ["/explained/globex/iris/main", "/explained/acme/iris/next"])
def test_seal_of_another_path_is_refused(door: SealDoor, path: str) -> None:
    with pytest.raises(TokenUnknownError):
        door.verify(request(seal_of(PATH), path))


@pytest.mark.parametrize(("text", "kind"), [("", TokenMissingError), ("seal.", TokenUnknownError)])
def test_what_is_no_seal_is_refused(door: SealDoor, text: str, kind: type[NotAuthenticatedError]) -> None:
    with pytest.raises(kind):
        door.verify(request(text))


def test_seal_made_under_the_former_secret_key_counts(door: SealDoor, settings: Any) -> None:
    former = seal_of(PATH)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    assert door.verify(request(former)) is None
