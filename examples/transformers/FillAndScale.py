r"""A request transformer: fills missing numbers and scales columns before the model sees them.

    seldon-microservice FillAndScale --service-type TRANSFORMER --parameters \
        '[{"name": "means", "value": "5.8,3.1", "type": "STRING"},
          {"name": "deviations", "value": "0.8,0.4", "type": "STRING"}]'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from microservice.protocol.errors import MicroserviceError


class FillAndScale:
    """Puts the mean where a number is missing, then scales."""

    def __init__(self, means: str, deviations: str) -> None:
        self.means = np.array([float(number) for number in means.split(",")])
        self.deviations = np.array([float(number) for number in deviations.split(",")])
        if len(self.means) != len(self.deviations):
            raise ValueError("means and deviations must have as many numbers each")

    def transform_input(self, X: Any, features_names: Sequence[str], meta: Any = None) -> Any:  # noqa: N803
        rows = np.array(X, dtype=float)  # null in the message is NaN here
        if rows.ndim != 2 or rows.shape[1] != len(self.means):
            raise MicroserviceError(f"rows of {len(self.means)} columns are needed")
        return (np.where(np.isnan(rows), self.means, rows) - self.means) / self.deviations
