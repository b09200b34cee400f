"""PERMUTATION_IMPORTANCE: how much the answers change when one column is shuffled (scikit-learn)."""

from __future__ import annotations

from typing import Any

import numpy as np

from microservice.errors import StartError
from microservice.extras import import_extra
from microservice.units.explainers.base import Array, Explainer, Json


class ImportanceExplainer(Explainer):
    """Explains the predictor as a whole, in the form of alibi's PermutationImportance.

    No truth is needed: a column counts by the mean absolute change of the outputs when it is shuffled among
    the rows of the request, or among those of the reference when the request has fewer than `min_rows`.
    """

    def __init__(self, n_repeats: int = 10, min_rows: int = 20, **options: Any) -> None:
        super().__init__(options)
        if n_repeats < 1:
            raise StartError(f"the parameter n_repeats is {n_repeats}; it must be 1 or more")
        self.n_repeats = n_repeats
        self.min_rows = min_rows
        self._inspection: Any = None

    def prepare(self) -> None:
        """Import the library."""
        self._inspection = import_extra("sklearn.inspection", "explain")

    def explain(self, rows: Array) -> Json:
        """Return the explanation."""
        is_reference = len(rows) < self.min_rows
        among = self.reference.rows if is_reference else rows
        found = self._inspection.permutation_importance(
            Unchanged(self.predictor), among, self.predictor(among), scoring=score_change,
            n_repeats=self.n_repeats, random_state=self.options.seed,
        )  # fmt: skip
        importance = [
            {"mean": found.importances_mean[column], "std": found.importances_std[column], "samples": samples}
            for column, samples in enumerate(found.importances)
        ]
        params = {"n_repeats": self.n_repeats, "kind": "difference", "seed": self.options.seed,
                  "rows": len(among), "rows_of": "reference" if is_reference else "request"}  # fmt: skip
        meta = {"name": "PermutationImportance", "type": ["blackbox"], "explanations": ["global"],
                "params": params}  # fmt: skip
        data = {"feature_names": self.feature_names(), "metric_names": ["mean_absolute_change"],
                "feature_importance": [importance]}  # fmt: skip
        return {"meta": meta, "data": data}


class Unchanged:
    """The predictor as scikit-learn wants to see it."""

    def __init__(self, predictor: Any) -> None:
        self.predict = predictor

    def fit(self, rows: Array, truth: Array) -> None:
        """Learn nothing: the predictor is as it is."""


def score_change(estimator: Unchanged, rows: Array, before: Array) -> float:
    """Return the negative mean absolute change of the outputs: 0 when nothing changed."""
    return -float(np.abs(estimator.predict(rows) - before).mean())
