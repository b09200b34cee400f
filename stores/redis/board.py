"""A board in Redis on which each machine pins one message, for all others to read."""

from __future__ import annotations

from typing import Final

from redis import Redis

from stores.redis.link import RedisLink

# Of machines that are gone; a message says itself how old it is.
_LIFE_SECONDS: Final = 2 * 86_400


class RedisBoard:
    """The board `name`; a hash with a field per machine, so its size is bounded by their number."""

    def __init__(self, link: RedisLink, name: str, machine: str) -> None:
        self._link = link
        self._key = link.key(name)
        self._machine = machine

    def post(self, message: bytes) -> dict[str, bytes]:
        """Replaces this machine's message; those of all machines as they were just before.

        Raises RedisAwayError.
        """
        return self._link.call(lambda redis: self._post(redis, message))

    def remove(self, machine: str) -> None:
        """Takes off what `machine` left; raises RedisAwayError."""
        self._link.call(lambda redis: redis.hdel(self._key, machine))

    def _post(self, redis: Redis, message: bytes) -> dict[str, bytes]:
        with redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(self._key)
            pipe.hset(self._key, self._machine, message)
            pipe.expire(self._key, _LIFE_SECONDS)
            found = pipe.execute()[0]
        return {field.decode(): value for field, value in found.items()}
