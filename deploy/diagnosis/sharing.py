"""Does the Redis that machines share answer, take writes, and keep what it is given?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from redis import Redis

from common import clock
from common.diagnosis import Finding, probe
from common.numbers import duration
from stores.redis.link import RedisAwayError, RedisLink

_LIFE_MS: Final = 10_000
# Throws away what still counts when memory is short: keys without regard to their time to live.
_FORGETFUL: Final = ("allkeys-lru", "allkeys-lfu", "allkeys-random")


@probe("redis")
def look_at_redis() -> Iterator[Finding]:
    """redis.unusable, redis.answers, redis.forgetful; nothing where REDIS_URL is not set."""
    if not settings.REDIS_URL:
        return
    link = RedisLink(settings.REDIS_URL, settings.REDIS_PREFIX, settings.REDIS_TIMEOUT_SECONDS)
    try:
        yield from _look_inside(link)
    except RedisAwayError as error:
        what = f"cannot be used: {error}; quotas and idempotency keys hold per machine"
        mend = "start it, or mend REDIS_URL; sharing begins again by itself"
        yield Finding("redis.unusable", "warning", what, where(), mend)
    finally:
        link.close()


def where() -> str:
    """The Redis without its password."""
    parts = urlsplit(settings.REDIS_URL)
    return parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}{parts.path}"


def _look_inside(link: RedisLink) -> Iterator[Finding]:
    link.call(lambda redis: redis.set(link.key("probe"), b"", px=_LIFE_MS))
    began = clock.perf_counter()
    machines = link.call(lambda redis: redis.hlen(link.key("machines")))
    took = clock.perf_counter() - began
    words = f"answers in {duration(took, ' ')}, {machines} machines within the hour"
    yield Finding("redis.answers", "fine", words, where())
    policy = link.call(_policy)
    if policy in _FORGETFUL:
        what = f"throws keys away that still count when its memory is full ({policy})"
        yield Finding(
            "redis.forgetful", "warning", what, where(), "set maxmemory-policy to noeviction or volatile-ttl"
        )


def _policy(redis: Redis) -> str:
    return str(redis.info("memory").get("maxmemory_policy", ""))
