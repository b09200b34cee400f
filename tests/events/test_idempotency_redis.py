"""Idempotency keys that two machines share through a real Redis, and what happens when it is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy.waiting import wait_until
from events.errors import IdempotencyConflictError
from events.idempotency import KeyStore, SqliteKeyStore
from events.idempotency_redis import LEASE_MS, RedisKeyStore
from stores.redis.link import RedisLink
from tests.contracts.key_store import Clock, KeyStoreContract
from tests.servers_redis import RedisServer

KEY, BODY = b"k" * 16, b"b" * 16


@asynccontextmanager
async def machine(
    redis_server: RedisServer, folder: Path, name: str, clock: Clock
) -> AsyncIterator[RedisKeyStore]:
    link = RedisLink(redis_server.url)
    store = RedisKeyStore(link, SqliteKeyStore(folder / name, clock), name * 16, clock)
    yield store
    await store.stop()
    link.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(redis_server: RedisServer, tmp_path: Path, clock: Clock) -> AsyncIterator[RedisKeyStore]:
    async with machine(redis_server, tmp_path, "a", clock) as made:
        yield made


@pytest.fixture
async def other(redis_server: RedisServer, tmp_path: Path, clock: Clock) -> AsyncIterator[RedisKeyStore]:
    async with machine(redis_server, tmp_path, "b", clock) as made:
        yield made


class TestRedisKeyStore(KeyStoreContract):
    """Two machines."""


async def test_of_two_at_one_moment_the_second_waits_and_is_answered_as_the_first(
    store: KeyStore, other: KeyStore
) -> None:
    first = await store.claim("acme", KEY, BODY)
    waiting = asyncio.create_task(other.claim("acme", KEY, BODY))
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    await store.settle(first)
    second = await waiting
    assert (second.unix_ns, second.is_kept) == (first.unix_ns, True)


async def test_a_machine_that_died_holds_a_key_up_no_longer_than_its_lease(
    store: KeyStore, other: KeyStore, redis_server: RedisServer
) -> None:
    await store.claim("acme", KEY, BODY)
    (name,) = redis_server.client.keys()
    assert 0 < redis_server.client.pttl(name) <= LEASE_MS
    redis_server.client.pexpire(name, 50)
    assert not (await other.claim("acme", KEY, BODY)).is_kept


async def test_a_refused_request_frees_its_key_at_once(
    store: KeyStore, other: KeyStore, redis_server: RedisServer
) -> None:
    await store.release(await store.claim("acme", KEY, BODY))
    assert redis_server.client.keys() == []
    assert not (await other.claim("acme", KEY, BODY)).is_kept


async def test_a_release_leaves_another_machines_key_alone(store: KeyStore, other: KeyStore) -> None:
    mine = await store.claim("acme", KEY, BODY)
    await store.release(mine)
    await other.settle(await other.claim("acme", KEY, BODY))
    await store.release(mine)
    assert (await store.claim("acme", KEY, BODY)).is_kept


async def test_keys_carry_installation_and_client_and_end_after_a_day(
    store: KeyStore, redis_server: RedisServer
) -> None:
    await store.settle(await store.claim("acme", KEY, BODY))
    await store.claim("globex", b"g" * 16, BODY)
    names: list[Any] = sorted(redis_server.client.keys())
    assert [name.split(b":")[:3] for name in names] == [
        [b"seldon", b"acme", b"key"],
        [b"seldon", b"globex", b"key"],
    ]
    assert 86_000_000 < redis_server.client.pttl(names[0]) <= 86_400_000


async def test_without_redis_each_machine_decides_alone_and_keeps_deciding_so(
    store: KeyStore, other: KeyStore, redis_server: RedisServer
) -> None:
    redis_server.kill()
    first = await store.claim("acme", KEY, BODY)
    await store.settle(first)
    assert (await store.claim("acme", KEY, BODY)).is_kept
    with pytest.raises(IdempotencyConflictError):
        await store.claim("acme", KEY, b"c" * 16)
    assert not (await other.claim("acme", KEY, BODY)).is_kept
    assert store.problem() is None


async def test_a_redis_that_hangs_delays_one_request_and_no_more(
    store: RedisKeyStore, redis_server: RedisServer
) -> None:
    redis_server.pause()
    try:
        await store.claim("acme", KEY, BODY)
        assert store._link.problem is not None
        # Refused before the network from here on, so that these thousand end within the test's time.
        for number in range(1000):
            await store.claim("acme", number.to_bytes(16), BODY)
    finally:
        redis_server.resume()


async def test_what_was_kept_while_redis_was_lost_is_shared_once_it_is_back(
    store: RedisKeyStore, other: KeyStore, redis_server: RedisServer
) -> None:
    first = await store.claim("acme", KEY, BODY)
    redis_server.kill()
    await store._tell(lambda client: client.ping())
    redis_server.start()
    assert await asyncio.to_thread(wait_until, lambda: _is_back(store._link), timeout_seconds=60)
    await store.settle(first)
    assert (await other.claim("acme", KEY, BODY)).is_kept


def _is_back(link: RedisLink) -> bool:
    link.probe()
    return link.problem is None
