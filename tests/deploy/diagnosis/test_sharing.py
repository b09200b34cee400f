"""Findings about the Redis that machines share."""

from __future__ import annotations

from typing import Any

import pytest

from common.diagnosis import Finding
from deploy.diagnosis.sharing import look_at_redis
from tests.servers_redis import RedisServer


@pytest.fixture
def server(redis_server: RedisServer, settings: Any) -> RedisServer:
    settings.REDIS_URL = redis_server.url
    return redis_server


def found() -> dict[str, Finding]:
    return {finding.id: finding for finding in look_at_redis()}


def test_nothing_is_found_where_nothing_is_shared(settings: Any) -> None:
    settings.REDIS_URL = ""
    assert found() == {}


def test_good_redis(server: RedisServer) -> None:
    assert list(found()) == ["redis.answers"]


def test_redis_that_is_not_there_is_told_without_its_password(server: RedisServer, settings: Any) -> None:
    server.kill()
    settings.REDIS_URL = server.url.replace("//", "//:secret@")
    finding = found()["redis.unusable"]
    assert finding.severity == "warning"
    assert "secret" not in repr(finding)


def test_redis_that_throws_keys_away(server: RedisServer) -> None:
    server.client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert "allkeys-lru" in found()["redis.forgetful"].what
    finally:
        server.client.config_set("maxmemory-policy", "noeviction")
