"""One process's way to Redis: bounded in time and connections, and quick to say that nobody is there."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from redis import BlockingConnectionPool, Redis
from redis import ConnectionError as NotConnectedError
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.retry import Retry

from common import clock
from common.metrics import Counter, Gauge

logger = logging.getLogger(__name__)
T = TypeVar("T")

UP: Final = Gauge("seldon_redis_up", "Processes of this machine that reach Redis.")
FAILURES: Final = Counter("seldon_redis_failures_total", "Calls of Redis that failed.", ("error",))

_MOST_CONNECTIONS: Final = 8
_FIRST_REST_SECONDS: Final = 0.25
_LONGEST_REST_SECONDS: Final = 2.0
_PROBE_LIFE_MS: Final = 10_000


class RedisAwayError(Exception):
    """Redis does not do what was asked, for whatever reason; whoever asked goes on without it."""


class RedisLink:
    """Redis at `url`, every key below `prefix`; each call takes `timeout_seconds` at most.

    After a failure calls are refused at once, without touching the network, until `probe` has found
    that Redis answers *and* takes writes: one that is read-only or out of memory is as good as none.
    """

    def __init__(
        self,
        url: str,
        prefix: str = "seldon",
        timeout_seconds: float = 0.25,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self.prefix = prefix
        self.timeout_seconds = timeout_seconds
        self._monotonic = monotonic
        # A connection that the server closed meanwhile is replaced once; what takes too long is not repeated.
        retry = Retry(NoBackoff(), 1, supported_errors=(NotConnectedError,))
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_MOST_CONNECTIONS,
            timeout=timeout_seconds,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            protocol=2,
            retry=retry,
        )
        self.client = Redis(connection_pool=pool)
        self._lock = threading.Lock()
        self._away = ""
        self._is_up = False
        self._rest = _FIRST_REST_SECONDS
        self._retry_at = 0.0

    def key(self, *words: str) -> str:
        """The name of a key of ours."""
        return ":".join((self.prefix, *words))

    @property
    def problem(self) -> str | None:
        """Why Redis cannot be used just now, in one line; None when it can."""
        return self._away or None

    def call(self, work: Callable[[Redis], T]) -> T:
        """What `work` makes of the client; RedisAwayError when it fails, or while nobody is there."""
        if self._away:
            raise RedisAwayError(self._away)
        return self._try(work)

    def probe(self) -> None:
        """While Redis is away, look for it again when it is time to; blocks for `timeout_seconds` at most."""
        if self._away and self._monotonic() >= self._retry_at:
            with contextlib.suppress(RedisAwayError):
                self._try(lambda client: client.set(self.key("probe"), b"", px=_PROBE_LIFE_MS))

    def note_failure(self, error: Exception) -> None:
        """Calls are refused from now on, until a probe succeeds."""
        reason = describe(error)
        FAILURES.add((type(error).__name__,))
        with self._lock:
            if not self._away:
                self._rest = _FIRST_REST_SECONDS
                logger.warning("redis: %s; going on with this machine alone", reason)
            self._retry_at = self._monotonic() + self._rest
            self._rest = min(self._rest * 2, _LONGEST_REST_SECONDS)
            self._away, self._is_up = reason, False
            UP.set(0)

    def close(self) -> None:
        """Let go of the connections."""
        UP.set(0)
        self.client.close()
        self.client.connection_pool.disconnect()

    def _try(self, work: Callable[[Redis], T]) -> T:
        try:
            result = work(self.client)
        except (RedisError, OSError) as error:
            self.note_failure(error)
            raise RedisAwayError(describe(error)) from error
        if not self._is_up:
            self._note_success()
        return result

    def _note_success(self) -> None:
        with self._lock:
            if self._away:
                logger.info("redis: back")
            self._away, self._is_up = "", True
            UP.set(1)


def describe(error: Exception) -> str:
    """One line that says what is wrong with Redis, without what may be secret."""
    if isinstance(error, AuthenticationError):
        return f"it refuses our name or password ({error})"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
