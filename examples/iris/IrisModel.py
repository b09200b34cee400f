"""A scikit-learn model of iris flowers as a microservice: what a model's author writes, nothing else.

seldon-microservice IrisModel --parameters '[{"name": "path", "value": "linear.joblib", "type": "STRING"}]'
"""

from __future__ import annotations

from typing import Any

import joblib
import numpy as np


class IrisModel:
    """Probabilities of the three species from four measures in centimetres."""

    def __init__(self, path: str) -> None:
        self.path = path

    def load(self) -> None:
        """Read the file that train.py wrote; runs once in each worker."""
        saved = joblib.load(self.path)
        self.model, self.names = saved["model"], saved["species"]

    def predict(
        self,
        X: np.ndarray,  # noqa: N803 (the contract's name)
        features_names: list[str],
        meta: dict[str, Any] | None = None,
    ) -> Any:
        """A row of probabilities for each row of measures."""
        return self.model.predict_proba(X)

    def class_names(self) -> list[str]:
        """What the columns of an answer mean."""
        return list(self.names)
