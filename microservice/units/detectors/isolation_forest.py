"""ISOLATION_FOREST: rows that random splits single out soon (scikit-learn's IsolationForest)."""

from __future__ import annotations

from typing import Any

import numpy as np

from microservice.extras import import_extra
from microservice.units.detectors.outliers import Array, OutlierDetector


class IsolationForestDetector(OutlierDetector):
    """Scores are scikit-learn's anomaly scores, 0 to 1: about 0.5 for usual rows."""

    def __init__(
        self,
        model_uri: str = "",
        threshold: float | None = None,
        contamination: float = 0.01,
        n_estimators: int = 100,
        seed: int = 0,
    ) -> None:
        super().__init__(model_uri, threshold, contamination)
        self.n_estimators = n_estimators
        self.seed = seed
        self._forest: Any = None

    def fit(self, rows: Array) -> None:
        """Grow the forest."""
        ensemble = import_extra("sklearn.ensemble", "detectors")
        self._forest = ensemble.IsolationForest(n_estimators=self.n_estimators, random_state=self.seed)
        self._forest.fit(rows)

    def score(self, rows: Array) -> Array:
        """Return the anomaly score of each row."""
        return -np.asarray(self._forest.score_samples(rows)) if len(rows) else np.empty(0)
