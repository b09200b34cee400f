"""The bell of the change feed in Redis: publish and subscribe, on a connection that is looked after."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final

from django.db import close_old_connections, connection
from redis.client import PubSub
from redis.exceptions import RedisError

from common import clock
from stores.changes.bell import ChangeBell, OnRing
from stores.redis.link import RedisAwayError, RedisLink, describe

logger = logging.getLogger(__name__)

_WAIT_SECONDS: Final = 0.5
# A connection on which not even our own pings come back is dead, whatever the kernel thinks.
_SILENCE_SECONDS: Final = 3.0
_REST_SECONDS: Final = 1.0
_MOST_AT_ONCE: Final = 1000


class RedisBell(ChangeBell):
    """A channel; a message is who rang, the topic and the key, with NUL between."""

    def __init__(self, url: str, prefix: str, timeout_seconds: float) -> None:
        super().__init__(url, prefix, timeout_seconds)
        self._link = RedisLink(url, prefix, timeout_seconds)
        self._channel = self._link.key("changes")
        # This process heard its own changes when it committed them.
        self._me = os.urandom(8).hex()

    def ring(self, topic: str, key: str) -> None:
        message = "\0".join((self._me, topic, key))
        with contextlib.suppress(RedisAwayError):
            self._link.probe()
            self._link.call(lambda redis: redis.publish(self._channel, message))

    def listen(self, on_ring: OnRing) -> Callable[[], None]:
        link = RedisLink(self.url, self.prefix, self.timeout_seconds)
        listener = _Listener(link, self._channel, self._me, on_ring)
        listener.start()
        return listener.stop


class _Listener:
    """The thread that listens, and connects again and again."""

    def __init__(self, link: RedisLink, channel: str, me: str, on_ring: OnRing) -> None:
        self._link = link
        self._channel = channel
        self._me = me
        self._on_ring = on_ring
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="change-bell", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(5)
        self._link.close()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._listen()
                except (RedisError, OSError) as error:
                    # Said once by the part that looks after Redis; here it is heard of by the feed meanwhile.
                    logger.debug("the bell is not heard: %s", describe(error))
                    self._stopping.wait(_REST_SECONDS)
        finally:
            connection.close()

    def _listen(self) -> None:
        with PubSub(self._link.client.connection_pool, ignore_subscribe_messages=True) as heard:
            heard.subscribe(self._channel)
            heard_at = clock.monotonic()
            while not self._stopping.is_set():
                message = heard.get_message(timeout=_WAIT_SECONDS)
                if message is not None:
                    heard_at = clock.monotonic()
                    self._deliver([message, *_others(heard)])
                elif clock.monotonic() - heard_at > _SILENCE_SECONDS:
                    raise TimeoutError("nothing comes back")
                else:
                    heard.ping()

    def _deliver(self, messages: list[dict[str, Any]]) -> None:
        rung: defaultdict[str, set[str]] = defaultdict(set)
        for message in messages:
            who, topic, key = _read(message)
            if topic and who != self._me:
                rung[topic].add(key)
        for topic, keys in rung.items():
            close_old_connections()
            self._on_ring(topic, frozenset(keys))


def _others(heard: PubSub) -> Iterator[dict[str, Any]]:
    """What came at the same time, so that many changes are looked at together."""
    for _ in range(_MOST_AT_ONCE):
        message = heard.get_message(timeout=0)
        if message is None:
            return
        yield message


def _read(message: dict[str, Any]) -> tuple[str, str, str]:
    """Who rang, for which topic and key; empty for what is no ring of ours."""
    parts = message["data"].decode("utf-8", "replace").split("\0") if message["type"] == "message" else []
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else ("", "", "")
