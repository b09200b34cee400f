"""The bell is heard by other processes, survives its Redis, and holds up nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from deploy.waiting import wait_until
from stores.changes import publish
from stores.changes.bell import ChangeBell, SilentBell
from stores.redis.bell import RedisBell
from tests.servers_redis import RedisServer


class Heard:
    """What a listener was told."""

    def __init__(self) -> None:
        self.rung: set[tuple[str, str]] = set()
        self.threads: set[str] = set()

    def __call__(self, topic: str, keys: frozenset[str]) -> None:
        self.rung |= {(topic, key) for key in keys}
        self.threads.add(threading.current_thread().name)

    def has(self, topic: str, key: str) -> bool:
        return (topic, key) in self.rung


def make_bell(server: RedisServer, prefix: str = "seldon") -> RedisBell:
    return RedisBell(server.url, prefix, 0.25)


@pytest.fixture
def heard(redis_server: RedisServer) -> Iterator[Heard]:
    heard = Heard()
    stop = make_bell(redis_server).listen(heard)
    bell = make_bell(redis_server)
    assert wait_until(lambda: bool(redis_server.client.pubsub_numsub("seldon:changes")[0][1]), 60)
    bell.ring("credentials", "first")
    assert wait_until(lambda: heard.has("credentials", "first"), timeout_seconds=60)
    yield heard
    stop()


@pytest.mark.parametrize("kind", [SilentBell, RedisBell])
def test_no_bell_holds_up_or_fails_whoever_rings(kind: type[ChangeBell], redis_server: RedisServer) -> None:
    bell = kind(redis_server.url, "seldon", 0.25)
    stop = bell.listen(Heard())
    redis_server.kill()
    for number in range(1000):
        bell.ring("credentials", str(number))
    stop()


def test_many_rings_are_all_heard(heard: Heard, redis_server: RedisServer) -> None:
    bell = make_bell(redis_server)
    for number in range(3000):
        bell.ring("configuration", f"/all_clients/{number}")
    assert wait_until(lambda: len(heard.rung) == 3001, timeout_seconds=60)


def test_rings_of_another_installation_are_not_heard(heard: Heard, redis_server: RedisServer) -> None:
    make_bell(redis_server, "other").ring("credentials", "theirs")
    make_bell(redis_server).ring("credentials", "ours")
    assert wait_until(lambda: heard.has("credentials", "ours"), timeout_seconds=60)
    assert not heard.has("credentials", "theirs")


def test_own_rings_are_not_heard_twice(redis_server: RedisServer) -> None:
    heard, bell = Heard(), make_bell(redis_server)
    stop = bell.listen(heard)
    assert wait_until(lambda: bool(redis_server.client.pubsub_numsub("seldon:changes")[0][1]), 60)
    bell.ring("credentials", "ours")
    make_bell(redis_server).ring("credentials", "theirs")
    assert wait_until(lambda: heard.has("credentials", "theirs"), timeout_seconds=60)
    assert not heard.has("credentials", "ours")
    stop()


def test_noise_on_the_channel_is_no_ring(heard: Heard, redis_server: RedisServer) -> None:
    redis_server.client.publish("seldon:changes", b"\xff\x00\x00\x00")
    make_bell(redis_server).ring("credentials", "acme")
    assert wait_until(lambda: heard.has("credentials", "acme"), timeout_seconds=60)
    assert len(heard.rung) == 2


def test_listener_finds_a_redis_that_was_killed_or_hung(heard: Heard, redis_server: RedisServer) -> None:
    def rings(key: str) -> bool:
        bell.ring("credentials", key)
        return heard.has("credentials", key)

    bell = make_bell(redis_server)
    redis_server.kill()
    redis_server.start()
    assert wait_until(lambda: rings("after the kill"), timeout_seconds=60)
    redis_server.pause()
    redis_server.resume()
    assert wait_until(lambda: rings("after the pause"), timeout_seconds=60)


@pytest.mark.django_db(transaction=True)
def test_what_is_published_is_rung(
    heard: Heard, redis_server: RedisServer, settings: pytest.FixtureRequest
) -> None:
    settings.REDIS_URL = redis_server.url  # type: ignore[attr-defined]
    publish("credentials", "acme")
    assert wait_until(lambda: heard.has("credentials", "acme"), timeout_seconds=60)
