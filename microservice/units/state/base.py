"""The interface of shared sums, and the one that is a process's own."""

from __future__ import annotations

import threading
from typing import Any, Protocol

import numpy as np

Sums = np.ndarray[Any, np.dtype[np.float64]]


class StateError(Exception):
    """The store of shared sums cannot be reached, or refuses."""


class SharedSums(Protocol):
    """A vector of numbers under a key; adding is atomic over threads, processes and machines."""

    place: str

    def read(self) -> Sums:
        """Return the sums, zeros where nothing was added yet; raises StateError."""

    def add(self, amounts: Sums) -> None:
        """Add to the sums; returns when they are kept, raises StateError when they are not."""


class MemorySums:
    """Sums of this process alone, gone with it."""

    place = "memory"

    def __init__(self, size: int) -> None:
        self._sums = np.zeros(size)
        self._lock = threading.Lock()

    def read(self) -> Sums:
        """Return a copy of the sums."""
        with self._lock:
            return self._sums.copy()

    def add(self, amounts: Sums) -> None:
        """Add to the sums."""
        with self._lock:
            self._sums += amounts
