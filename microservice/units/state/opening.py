"""From the parameter `store` to the sums it names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from microservice.errors import StartError
from microservice.units.base import Place
from microservice.units.state.base import MemorySums, SharedSums, StateError
from microservice.units.state.redis import RedisSums
from microservice.units.state.sqlite import SqliteSums

REDIS = ("redis", "rediss", "unix")
MEMORY = "memory"


def open_sums(store: str, place: Place, size: int) -> SharedSums:
    """Return the sums of a unit: in Redis by its URL, in a folder's SQLite file, or in `memory`.

    A folder is looked for below the one in which the unit was started. Raises StartError for a store that
    cannot be opened; a Redis that is away now is waited for later.
    """
    scheme = urlsplit(store).scheme
    try:
        if store == MEMORY:
            return MemorySums(size)
        if scheme in REDIS:
            return RedisSums(store, place.key, size)
        if scheme not in ("", "file"):
            raise StartError(
                f"the parameter store is {scheme}:// …: give a folder, redis://host:6379/0 or memory"
            )
        return SqliteSums(place.folder / Path(store.removeprefix("file://")), place.key, size)
    except StateError as error:
        raise StartError(f"the parameter store cannot be opened: {error}") from error
