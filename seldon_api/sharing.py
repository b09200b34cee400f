"""What a process shares with other machines: nothing, or through Redis when REDIS_URL is set."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from django.conf import settings

from common.parts import Part
from common.registry import Registry
from events.idempotency import KeyStore
from events.parts import make_key_store
from events.shipping.repeats import NoRepeats, Repeats

MOST_DEFAULT_WORKERS: Final = 4


class Sharing(ABC):
    """One process's share in what machines have in common."""

    @abstractmethod
    def key_store(self) -> KeyStore:
        """Where idempotency keys are remembered."""

    @abstractmethod
    def repeats(self) -> Repeats:
        """What the shipper asks about records with a key."""

    @abstractmethod
    def parts(self) -> Sequence[Part]:
        """What must run in a worker for it."""


class SharingNothing(Sharing):
    """This machine is alone: what its processes share lies in its data folder."""

    def key_store(self) -> KeyStore:
        return make_key_store()

    def repeats(self) -> Repeats:
        return NoRepeats()

    def parts(self) -> Sequence[Part]:
        return ()


_KINDS: Final[Registry[Sharing]] = Registry(
    "way to share",
    {"nothing": "seldon_api.sharing.SharingNothing", "redis": "seldon_api.sharing_redis.SharingByRedis"},
)


def make_sharing() -> Sharing:
    """As the settings say."""
    return _KINDS.load("redis" if settings.REDIS_URL else "nothing")()


def quota_path() -> Path:
    """The file of quota counts that the workers of this machine map."""
    return Path(settings.SELDON_DATA) / "run" / "quota_counts"


def worker_count() -> int:
    """How many workers this machine has."""
    return settings.SELDON_WORKERS or min(os.cpu_count() or 1, MOST_DEFAULT_WORKERS)
