"""Who ships a record with an idempotency key, decided in Redis: whoever claims its key first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from redis import Redis

from common.metrics import Counter
from events.shipping.repeats import Repeats
from events.sinks.framing import Record
from stores.redis.link import RedisAwayError, RedisLink

ALONE: Final = Counter(
    "seldon_shipped_alone_total",
    "Records with an idempotency key that were shipped without asking the others.",
)
# A day more than a key counts: another machine's copy may have waited in its spool.
_LIFE_MS: Final = 2 * 86_400_000


class RedisRepeats(Repeats):
    """Keys of `machine`; while Redis is away it ships what it has."""

    def __init__(self, link: RedisLink, machine: str) -> None:
        self._link = link
        self._machine = machine.encode()

    def claim(self, records: Sequence[Record]) -> frozenset[bytes]:
        keyed = [record for record in records if record.key_hash]
        if not keyed:
            return frozenset()
        try:
            self._link.probe()
            owners = self._link.call(lambda redis: self._claim(redis, keyed))
        except RedisAwayError:
            ALONE.add(amount=len(keyed))
            return frozenset()
        pairs = zip(keyed, owners, strict=True)
        return frozenset(record.key_hash for record, owner in pairs if owner not in (None, self._machine))

    def _claim(self, redis: Redis, keyed: Sequence[Record]) -> list[bytes | None]:
        with redis.pipeline(transaction=False) as pipe:
            for record in keyed:
                name = self._link.key(record.client, "shipped", record.key_hash.hex())
                pipe.set(name, self._machine, px=_LIFE_MS, nx=True)
                pipe.get(name)
            owners: list[bytes | None] = pipe.execute()[1::2]
        return owners
