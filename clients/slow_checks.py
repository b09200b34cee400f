"""Comparing secrets that somebody chose, whose hashes are slow on purpose: one at a time in a worker.

After each comparison the worker rests three times as long. So strangers take a quarter of one core at
most, however many they are and whatever they try, and whoever waits too long is told to come again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeVar

from django.contrib.auth.hashers import check_password, make_password

from clients.errors import SignInsBusyError
from clients.hashers import ChosenSecretHasher
from common import clock

T = TypeVar("T")

_REST: Final = 3
# Each of them holds one of the few threads of the control plane.
_MOST_WAITING: Final = 2


class SlowChecks:
    """Runs one check at a time, the next after `rest_times` as long; `most_waiting` callers wait."""

    def __init__(
        self,
        most_waiting: int = _MOST_WAITING,
        rest_times: float = _REST,
        monotonic: Callable[[], float] = clock.monotonic,
        rest: Callable[[float], object] = time.sleep,
    ) -> None:
        self._places = threading.BoundedSemaphore(1 + most_waiting)
        self._turn = threading.Lock()
        self._monotonic = monotonic
        self._rest = rest
        self._rest_times = rest_times
        self._free_at = 0.0

    def run(self, check: Callable[[], T]) -> T:
        """What `check` returns, once it is its turn; SignInsBusyError when too many wait already."""
        if not self._places.acquire(blocking=False):
            raise SignInsBusyError
        try:
            with self._turn:
                return self._run_rested(check)
        finally:
            self._places.release()

    def _run_rested(self, check: Callable[[], T]) -> T:
        started = self._monotonic()
        if started < self._free_at:
            self._rest(self._free_at - started)
            started = self._monotonic()
        try:
            return check()
        finally:
            ended = self._monotonic()
            self._free_at = ended + self._rest_times * (ended - started)


def is_slow(stored: str) -> bool:
    """Whether `stored` is the hash of a secret that somebody chose."""
    return stored.startswith(f"{ChosenSecretHasher.algorithm}$")


def check_in_vain(secret: str) -> None:
    """Takes as long as comparing `secret` with one that somebody chose."""
    check_password(secret, _nobodys_secret())


@lru_cache(maxsize=1)
def _nobodys_secret() -> str:
    return make_password("", hasher=ChosenSecretHasher.algorithm)
