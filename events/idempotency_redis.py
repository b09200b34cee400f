"""Idempotency keys of several machines: claimed in Redis, remembered on each machine as well.

A key is a Redis string: pending, owned by the machine whose request came first, for LEASE_MS; then kept,
for the rest of its day. A machine that dies in between leaves a claim that lapses by itself. While Redis
is away each machine decides by its own store, as one that is alone does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from struct import Struct
from typing import Final, TypeVar

from redis import Redis

from common import clock
from common.errors import UnavailableError
from common.metrics import Counter
from events.errors import IdempotencyConflictError
from events.idempotency import DAY_NS, Claim, KeyStore, SqliteKeyStore
from stores.redis.link import RedisAwayError, RedisLink

T = TypeVar("T")

ALONE: Final = Counter(
    "seldon_idempotency_alone_total", "Requests with a key that this machine decided without the others."
)
LEASE_MS: Final = 5_000
_POLL_SECONDS: Final = 0.02
_LONGEST_WAIT_SECONDS: Final = 2 * LEASE_MS / 1000
_THREADS: Final = 4
_PENDING: Final = b"p"
_KEPT: Final = b"k"
# State, hash of the body, time of the first request, machine.
_VALUE: Final = Struct("<c16sQ8s")


# Deletes a key only while it holds what we know of.
_DELETE_IF: Final = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end"


@dataclass(frozen=True, slots=True)
class _Found:
    """What Redis holds of a key."""

    value: bytes
    state: bytes
    body_hash: bytes
    unix_ns: int
    machine: bytes


class RedisKeyStore(KeyStore):
    """Keys in Redis in front of `local`, which knows those of this machine when Redis is away."""

    def __init__(
        self,
        link: RedisLink,
        local: SqliteKeyStore,
        machine: str,
        unix_nanoseconds: Callable[[], int] = clock.unix_nanoseconds,
    ) -> None:
        self._link = link
        self._local = local
        self._machine = bytes.fromhex(machine)
        self._now = unix_nanoseconds
        self._threads = ThreadPoolExecutor(_THREADS, "idempotency-redis")
        self._telling: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        await self._local.start()

    async def stop(self) -> None:
        await asyncio.gather(*self._telling)
        await asyncio.to_thread(self._threads.shutdown)
        await self._local.stop()

    def problem(self) -> str | None:
        # That Redis is away is told by its own part; keys go on without it.
        return self._local.problem()

    async def claim(self, client: str, key_hash: bytes, body_hash: bytes) -> Claim:
        mine = await self._local.claim(client, key_hash, body_hash)
        if mine.is_kept:
            return mine
        try:
            found = await self._claim_everywhere(mine)
        except RedisAwayError:
            ALONE.add()
            return mine
        if found.body_hash != body_hash:
            raise IdempotencyConflictError
        claim = replace(mine, unix_ns=found.unix_ns, is_kept=found.state == _KEPT)
        if claim.is_kept:
            await self._local.settle(claim)
        return claim

    async def settle(self, claim: Claim) -> None:
        left_ms = max(1, (claim.unix_ns + DAY_NS - self._now()) // 1_000_000)
        kept = self._pack(_KEPT, claim)
        # The answer does not wait for the others to know: a retry that reaches one of them before they
        # do finds the claim pending and waits, and whether they were told changes nothing here.
        telling = asyncio.create_task(
            self._tell(lambda redis: redis.set(self._name(claim), kept, px=left_ms))
        )
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)
        await self._local.settle(claim)

    async def release(self, claim: Claim) -> None:
        pending = self._pack(_PENDING, claim)
        await self._tell(lambda redis: redis.eval(_DELETE_IF, 1, self._name(claim), pending))

    async def _claim_everywhere(self, mine: Claim) -> _Found:
        """What stands in Redis now: our claim, or a kept one; waits while another machine is at it."""
        end = clock.monotonic() + _LONGEST_WAIT_SECONDS
        while True:
            found = await self._run(lambda redis: self._claim(redis, mine))
            is_elsewhere = found.state == _PENDING and found.machine != self._machine
            if not is_elsewhere or found.body_hash != mine.body_hash:
                return found
            if clock.monotonic() >= end:
                raise UnavailableError(
                    "The first request with this Idempotency-Key is still under way; try again later."
                )
            await asyncio.sleep(_POLL_SECONDS)

    def _claim(self, redis: Redis, mine: Claim) -> _Found:
        name, wanted = self._name(mine), self._pack(_PENDING, mine)
        with redis.pipeline(transaction=True) as pipe:
            pipe.set(name, wanted, px=LEASE_MS, nx=True)
            pipe.get(name)
            value = pipe.execute()[1]
        found = _Found(value, *_VALUE.unpack(value))
        if found.unix_ns > mine.unix_ns - DAY_NS:
            return found
        redis.eval(_DELETE_IF, 1, name, value)
        return self._claim(redis, mine)

    async def _tell(self, work: Callable[[Redis], object]) -> None:
        """Does without when Redis is away: the lease ends by itself, and shippers leave repeats out."""
        try:
            await self._run(work)
        except RedisAwayError:
            ALONE.add()

    async def _run(self, work: Callable[[Redis], T]) -> T:
        """`work` in a thread, whatever happens there within the link's time."""
        if self._link.problem:
            raise RedisAwayError(self._link.problem)
        running = asyncio.get_running_loop().run_in_executor(self._threads, self._link.call, work)
        try:
            async with asyncio.timeout(2 * self._link.timeout_seconds):
                return await running
        except TimeoutError as error:
            # A name server that does not answer, or threads that all wait: no socket's time-out ends that.
            self._link.note_failure(error)
            raise RedisAwayError("it does not answer") from error

    def _pack(self, state: bytes, claim: Claim) -> bytes:
        return _VALUE.pack(state, claim.body_hash, claim.unix_ns, self._machine)

    def _name(self, claim: Claim) -> str:
        return self._link.key(claim.client, "key", claim.key_hash.hex())
