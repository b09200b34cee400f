"""Shared sums in Redis: for units of several machines."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import numpy as np

from microservice.extras import import_extra
from microservice.units.state.base import StateError, Sums

PREFIX = "seldon:unit:"
TIMEOUT_SECONDS = 0.5


class RedisSums:
    """Sums in a hash `seldon:unit:<key>`, one field per place; how long they live is Redis's own setting."""

    def __init__(self, url: str, key: str, size: int) -> None:
        redis = import_extra("redis", "redis")
        parts = urlsplit(url)
        self.place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path} {PREFIX}{key}"
        self._errors = (redis.RedisError, OSError)
        self._name = PREFIX + key
        self._size = size
        try:
            self._redis: Any = redis.Redis.from_url(
                url,
                socket_timeout=TIMEOUT_SECONDS,
                socket_connect_timeout=TIMEOUT_SECONDS,
                # A sum that was added and whose answer was lost must not be added again.
                retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0),
            )
        except ValueError as error:
            raise StateError(f"{self.place}: {error}") from error

    def read(self) -> Sums:
        """Return the sums."""
        try:
            found = self._redis.hgetall(self._name)
            sums = np.zeros(self._size)
            for place, value in found.items():
                if int(place) < self._size:
                    sums[int(place)] = float(value)
        except (*self._errors, ValueError) as error:
            raise StateError(f"{self.place}: {error}") from error
        return sums

    def add(self, amounts: Sums) -> None:
        """Add to the sums, all places in one transaction."""
        try:
            with self._redis.pipeline(transaction=True) as pipeline:
                for place in amounts.nonzero()[0]:
                    pipeline.hincrbyfloat(self._name, int(place), float(amounts[place]))
                pipeline.execute()
        except self._errors as error:
            raise StateError(f"{self.place}: {error}") from error
