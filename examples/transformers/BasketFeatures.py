"""A request transformer of JSON: the fields a model was trained on, out of what an application sends.

    seldon-microservice BasketFeatures --service-type TRANSFORMER

What comes in is `{"jsonData": {"customer": {"age": 40}, "basket": [{"price": 3.5}, {"price": 2}]}}`;
the tags of the answer say which version of the rules made the features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from microservice.protocol.errors import MicroserviceError


class BasketFeatures:
    """Makes a row of features of an application's JSON."""

    def transform_input(self, X: Any, features_names: Sequence[str], meta: Any = None) -> Any:  # noqa: N803
        try:
            prices = [item["price"] for item in X["basket"]]
            return np.array([[X["customer"]["age"], len(prices), sum(prices)]], dtype=float)
        except (KeyError, IndexError, TypeError) as error:
            raise MicroserviceError(f"customer.age and basket[].price are needed: {error!r}") from error

    def class_names(self) -> list[str]:
        return ["age", "items", "total"]

    def tags(self) -> dict[str, Any]:
        return {"features": "v1"}
