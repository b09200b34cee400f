r"""A response transformer: the name of the likeliest class and how sure the model is, instead of all chances.

    seldon-microservice NameClasses --service-type OUTPUT_TRANSFORMER --parameters \
        '[{"name": "names", "value": "setosa,versicolor,virginica", "type": "STRING"}]'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class NameClasses:
    """Says which class it is."""

    def __init__(self, names: str) -> None:
        self.names = names.split(",")

    def transform_output(self, X: Any, features_names: Sequence[str], meta: Any = None) -> Any:  # noqa: N803
        chances = np.asarray(X, dtype=float)
        best = chances.argmax(axis=1)
        return [
            [self.names[place], round(float(row[place]), 4)] for place, row in zip(best, chances, strict=True)
        ]

    def class_names(self) -> list[str]:
        return ["class", "confidence"]
