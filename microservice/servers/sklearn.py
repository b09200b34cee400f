"""SKLEARN_SERVER: a scikit-learn estimator or pipeline that joblib saved as `model.joblib`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from microservice.errors import StartError
from microservice.extras import import_extra
from microservice.servers.base import ModelServer
from microservice.servers.tables import place_columns, read_frame, read_rows, refusing_rows

FILES = ("model.joblib", "model.pickle", "model.pkl")
METHODS = ("predict_proba", "decision_function", "predict")


class SKLearnServer(ModelServer):
    """Answers with one method of the estimator: `predict_proba`, `decision_function` or `predict`."""

    def __init__(self, model_uri: str = "", method: str = "predict_proba") -> None:
        super().__init__(model_uri)
        if method not in METHODS:
            raise StartError(f"the parameter method is {method}, not one of {', '.join(METHODS)}")
        self.method = method
        self._ask: Any = None
        self._wanted: Sequence[str] = ()
        self._count = 0
        self._takes_frames = False

    def load(self) -> None:
        """Load the model; raises StartError when it lacks the method, and says which it has."""
        import_extra("sklearn", "sklearn")
        joblib = import_extra("joblib", "sklearn")
        model = joblib.load(self.fetch_file(FILES))
        self._ask = getattr(model, self.method, None)
        if self._ask is None:
            has = [method for method in METHODS if hasattr(model, method)]
            raise StartError(
                f"{type(model).__name__} has no {self.method}; set the parameter method to "
                f"{' or '.join(has) or 'a method it has, or serve it by a class of your own'}"
            )
        self._wanted = [str(name) for name in getattr(model, "feature_names_in_", ())]
        self._count = int(getattr(model, "n_features_in_", 0))
        self._takes_frames = bool(self._wanted) and find_spec("pandas") is not None

    def predict(self, X: Any, features_names: Sequence[str]) -> Any:  # noqa: N803 - its name there
        """Return what the method says, one row or value for each row of X."""
        if self._takes_frames or isinstance(X, dict):
            rows = read_frame(X, features_names, self._wanted)
        else:
            rows = place_columns(read_rows(X), features_names, self._wanted, self._count)
        with refusing_rows():
            found = self._ask(rows)
        # Of a model with several outputs predict_proba gives a list of tables.
        return np.asarray(found)
