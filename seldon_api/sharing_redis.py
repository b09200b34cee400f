"""Sharing through Redis: one thread of each worker does all that needs no answer at once."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Sequence
from typing import Final

from django.conf import settings

from clients.quota_exchange import QuotaExchange
from clients.quota_totals import QuotaTotals
from common import clock
from common.parts import Part
from events.idempotency import KeyStore
from events.idempotency_redis import RedisKeyStore
from events.parts import make_key_store
from events.shipping.repeats import Repeats
from events.shipping.repeats_redis import RedisRepeats
from events.sinks.files import try_lock
from seldon_api.sharing import Sharing, quota_path, worker_count
from stores.machine_id import machine_id
from stores.redis.board import RedisBoard
from stores.redis.link import RedisAwayError, RedisLink
from stores.redis.presence import TURN_SECONDS, Presence

logger = logging.getLogger(__name__)

_QUOTAS_EVERY_SECONDS: Final = 0.05
# Of one core, the most that telling quotas may take; with very many clients at work turns are rarer.
_MOST_SHARE: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0


class SharingByRedis(Sharing):
    """Idempotency keys and quotas over all machines at REDIS_URL."""

    def __init__(self) -> None:
        self._machine = machine_id(settings.SELDON_DATA)
        self._link = RedisLink(settings.REDIS_URL, settings.REDIS_PREFIX, settings.REDIS_TIMEOUT_SECONDS)

    def key_store(self) -> KeyStore:
        return RedisKeyStore(self._link, make_key_store(), self._machine)

    def repeats(self) -> Repeats:
        return RedisRepeats(self._link, self._machine)

    def parts(self) -> Sequence[Part]:
        secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        presence = Presence(self._link, self._machine, settings.SELDON_DATA, secrets)
        return [RedisPart(self._link, presence, QuotaLeader(self._link, self._machine))]


class QuotaLeader:
    """Exchanges quota counts in whichever worker of the machine holds the lock; when it dies another does."""

    def __init__(self, link: RedisLink, machine: str) -> None:
        self._link = link
        self._machine = machine
        self._lock: int | None = None
        self._exchange: QuotaExchange | None = None

    def turn(self) -> None:
        """Take the lock if it is free, tell and hear; raises RedisAwayError."""
        if self._exchange is None:
            self._exchange = self._begin()
        if self._exchange is not None:
            self._exchange.turn()

    def close(self) -> None:
        """Let another worker do it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _begin(self) -> QuotaExchange | None:
        path = quota_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = try_lock(path.with_name(f"{path.name}.lock"))
        if self._lock is None:
            return None
        boards = (self._board("quotas-now"), self._board("quotas-day"))
        return QuotaExchange(QuotaTotals(path, worker_count()), boards, self._machine)

    def _board(self, name: str) -> RedisBoard:
        return RedisBoard(self._link, name, self._machine)


class RedisPart:
    """Looks after the link, and is not vital: without Redis this machine goes on alone."""

    name = "redis"
    is_vital = False

    def __init__(self, link: RedisLink, presence: Presence, quotas: QuotaLeader) -> None:
        self._link = link
        self._presence = presence
        self._quotas = quotas
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="redis", daemon=True)

    async def start(self) -> None:
        """Begin; a Redis that is not there holds no start up."""
        self._thread.start()

    async def stop(self) -> None:
        """End the thread, let go of the connections."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.join, 5)
        self._quotas.close()
        self._link.close()

    def problem(self) -> str | None:
        """What machines do not share just now, or what does not fit together."""
        if self._link.problem:
            return f"{self._link.problem}: quotas and Idempotency-Keys hold per machine until it is back"
        return self._presence.problem

    def _run(self) -> None:
        jobs: list[tuple[Callable[[], None], float]] = [
            (self._presence.turn, TURN_SECONDS),
            (self._quotas.turn, _QUOTAS_EVERY_SECONDS),
        ]
        due = [0.0 for _ in jobs]
        while not self._stopping.wait(max(0.0, min(due) - clock.monotonic())):
            for place, (job, every_seconds) in enumerate(jobs):
                if clock.monotonic() >= due[place]:
                    due[place] = clock.monotonic() + max(every_seconds, self._attempt(job) / _MOST_SHARE)

    def _attempt(self, job: Callable[[], None]) -> float:
        """Seconds of processor time that it took."""
        started = clock.thread_seconds()
        try:
            self._link.probe()
            job()
        except RedisAwayError:
            # Told by the link; what was not told now is told by the next turn that gets through.
            pass
        except Exception:
            # The door of the thread: a message that cannot be read must not end sharing.
            logger.exception("redis: a turn failed")
            self._stopping.wait(_LONGEST_PAUSE_SECONDS)
        return clock.thread_seconds() - started
