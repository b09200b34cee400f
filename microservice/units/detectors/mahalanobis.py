"""MAHALANOBIS: rows far from the mean, by the columns' spread and how they go together; may learn on."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from microservice.errors import StateAwayError
from microservice.units.detectors.outliers import Array, OutlierDetector
from microservice.units.state.opening import MEMORY, open_sums
from microservice.units.state.remembering import Remembered

log = logging.getLogger(__name__)
RIDGE = 1e-6


class MahalanobisDetector(OutlierDetector):
    """Scores are distances in standard deviations. With `online` the rows that are no outliers are learnt.

    What is learnt is their number, sum and sum of products, which workers add up in `store`: it is the same
    in whatever order they come. Columns are scaled by the reference, so that the sums stay exact.
    """

    def __init__(
        self,
        model_uri: str = "",
        threshold: float | None = None,
        contamination: float = 0.01,
        online: bool = False,
        store: str = MEMORY,
        flush_rows: int = 100,
    ) -> None:
        super().__init__(model_uri, threshold, contamination)
        self.online = online
        self.store = store
        self.flush_rows = flush_rows
        self._centre = self._scale = self._mean = np.zeros(0)
        self._inverse = np.zeros((0, 0))
        self._base = self._fresh = np.zeros(0)
        self._sums: Any = None

    def fit(self, rows: Array) -> None:
        """Take mean and covariance of the reference."""
        self._centre, self._scale = rows.mean(axis=0), rows.std(axis=0)
        self._scale = np.where(self._scale > 0, self._scale, 1.0)
        self._base = sum_up((rows - self._centre) / self._scale)
        self._fresh = np.zeros_like(self._base)
        self._take(self._base)

    def resume(self) -> None:
        """Go on with what was learnt before; the threshold is the reference's alone."""
        if self.online:
            size = len(self._base)
            self._sums = Remembered(open_sums(self.store, self.place, size), size)
            self._take(self._base + self._sums.read())

    def score(self, rows: Array) -> Array:
        """Return the distance of each row from the mean."""
        away = (rows - self._centre) / self._scale - self._mean
        found: Array = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", away, self._inverse, away), 0))
        return found

    def learn(self, rows: Array) -> None:
        """Add usual rows to what is known; after `flush_rows` of them the other workers see them."""
        if not self.online or not len(rows):
            return
        with self._lock:
            self._fresh = self._fresh + sum_up((rows - self._centre) / self._scale)
            if self._fresh[0] < self.flush_rows:
                return
            fresh, self._fresh = self._fresh, np.zeros_like(self._fresh)
        try:
            self._sums.add(fresh)
        except StateAwayError as error:
            log.warning("%g rows are not learnt: %s", fresh[0], error.message)
        self._take(self._base + self._sums.read())

    def _take(self, sums: Array) -> None:
        """Make mean and inverse covariance of sums."""
        columns = len(self._centre)
        count, total = sums[0], sums[1 : 1 + columns]
        products = sums[1 + columns :].reshape(columns, columns)
        mean = total / count
        covariance = products / count - np.outer(mean, mean) + RIDGE * np.eye(columns)
        self._mean, self._inverse = mean, np.linalg.inv(covariance)


def sum_up(rows: Array) -> Array:
    """Return the rows' number, sum and sum of products as one vector of 1 + d + d²."""
    return np.concatenate([[len(rows)], rows.sum(axis=0), (rows.T @ rows).ravel()])
