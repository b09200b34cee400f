"""What tells other machines of a change at once: a bell beside the feed, never instead of it.

A ring that is not heard costs only the time until the next poll, so nobody waits for one or counts on it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from django.conf import settings

from common.registry import Registry

# Gets a topic and the keys of it that changed, in a thread of the bell's.
OnRing = Callable[[str, frozenset[str]], None]


class ChangeBell(ABC):
    """Rung by whoever changed something, heard by every other process that listens."""

    def __init__(self, url: str, prefix: str, timeout_seconds: float) -> None:
        self.url = url
        self.prefix = prefix
        self.timeout_seconds = timeout_seconds

    @abstractmethod
    def ring(self, topic: str, key: str) -> None:
        """Tells that `key` of `topic` changed; never raises, and takes no longer than the time-out."""

    @abstractmethod
    def listen(self, on_ring: OnRing) -> Callable[[], None]:
        """Calls `on_ring` for what other processes ring; returns a function that ends it."""


class SilentBell(ChangeBell):
    """Nobody hears it: processes of one machine poll the feed."""

    def ring(self, topic: str, key: str) -> None:
        pass

    def listen(self, on_ring: OnRing) -> Callable[[], None]:
        return _nothing


_KINDS: Final[Registry[ChangeBell]] = Registry(
    "bell", {"silent": "stores.changes.bell.SilentBell", "redis": "stores.redis.bell.RedisBell"}
)


def current_bell() -> ChangeBell:
    """The bell of this process, as the settings say."""
    return _bell_of(settings.REDIS_URL, settings.REDIS_PREFIX, settings.REDIS_TIMEOUT_SECONDS)


@lru_cache(maxsize=1)
def _bell_of(url: str, prefix: str, timeout_seconds: float) -> ChangeBell:
    return _KINDS.load("redis" if url else "silent")(url, prefix, timeout_seconds)


def _nothing() -> None:
    """Nobody was listening."""
