"""Idempotency keys: what may be one, and the stores that remember them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from common.errors import UnavailableError
from deploy.waiting import wait_until
from events.errors import IdempotencyKeyInvalidError
from events.idempotency import KeyStore, SqliteKeyStore, hash_key
from tests.contracts.key_store import Clock, KeyStoreContract


class TestSqliteKeyStore(KeyStoreContract):
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    async def store(self, tmp_path: Path, clock: Clock) -> AsyncIterator[KeyStore]:
        store = SqliteKeyStore(tmp_path / "keys.sqlite3", clock)
        yield store
        await store.stop()

    @pytest.fixture
    async def other(self, tmp_path: Path, clock: Clock) -> AsyncIterator[KeyStore]:
        store = SqliteKeyStore(tmp_path / "keys.sqlite3", clock)
        yield store
        await store.stop()


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\t", "é", "line\n"])
def test_a_key_that_cannot_be_one_is_refused(key: str) -> None:
    with pytest.raises(IdempotencyKeyInvalidError):
        hash_key("acme", key)


def test_a_key_belongs_to_its_client() -> None:
    assert hash_key("acme", "k") != hash_key("globex", "k")
    assert hash_key("acme", "x" * 255) == hash_key("acme", "x" * 255)


async def test_a_store_that_cannot_be_opened_says_so_and_recovers(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("not a folder")
    store = SqliteKeyStore(tmp_path / "run" / "keys.sqlite3")
    with pytest.raises(UnavailableError):
        await store.claim("acme", b"k" * 16, b"b" * 16)
    assert store.problem()
    (tmp_path / "run").unlink()
    await store.claim("acme", b"k" * 16, b"b" * 16)
    assert store.problem() is None
    await store.stop()


async def test_a_store_finds_out_by_itself_that_it_is_well_again(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("not a folder")
    store = SqliteKeyStore(tmp_path / "run" / "keys.sqlite3")
    with pytest.raises(UnavailableError):
        await store.claim("acme", b"k" * 16, b"b" * 16)
    assert await asyncio.to_thread(wait_until, lambda: store.problem() is not None, timeout_seconds=60)
    (tmp_path / "run").unlink()
    assert await asyncio.to_thread(wait_until, lambda: store.problem() is None, timeout_seconds=60)
    await store.stop()
