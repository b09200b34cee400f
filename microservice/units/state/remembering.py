"""Shared sums that go on with what is known while their store is away."""

from __future__ import annotations

import logging
from time import monotonic

import numpy as np

from microservice.errors import StateAwayError
from microservice.units.state.base import SharedSums, StateError, Sums

log = logging.getLogger(__name__)
LOOK_AGAIN_SECONDS = 1.0


class Remembered:
    """Reads never fail: while the store is away they return the sums read last. Adding does fail."""

    def __init__(self, sums: SharedSums, size: int) -> None:
        self.place = sums.place
        self.problem = ""
        self._sums = sums
        self._last = np.zeros(size)
        self._again_at = 0.0

    def read(self) -> Sums:
        """Return the sums; a store that is away is asked again after a second, not by every call."""
        if self.problem and monotonic() < self._again_at:
            return self._last
        try:
            self._last = self._sums.read()
            self.problem = ""
        except StateError as error:
            if not self.problem:
                log.warning("the shared state is away, what was known goes on: %s", error)
            self.problem = str(error)
            self._again_at = monotonic() + LOOK_AGAIN_SECONDS
        return self._last

    def add(self, amounts: Sums) -> None:
        """Add to the sums; raises StateAwayError when they could not be kept."""
        try:
            self._sums.add(amounts)
        except StateError as error:
            raise StateAwayError(str(error)) from error
