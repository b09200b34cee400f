"""Drift detectors: rows are gathered until a batch is full, then compared with the reference."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from microservice.errors import StartError
from microservice.units.base import ShippedUnit
from microservice.units.detectors.distances import (
    MmdTest,
    compare_counts,
    compare_distributions,
    correct_bonferroni,
    correct_false_discoveries,
)
from microservice.units.detectors.measures import gauge
from microservice.units.detectors.reference import Array, Reference, as_numbers, fetch_reference
from microservice.user_model import SeldonResponse

Json = dict[str, Any]
CORRECTIONS = {"bonferroni": correct_bonferroni, "fdr": correct_false_discoveries}
TAG = "drift-predictions"


class DriftDetector(ShippedUnit):
    """Says of each full batch whether it differs from the reference; a subclass compares."""

    def __init__(self, model_uri: str, p_value: float, drift_batch_size: int) -> None:
        if not 0 < p_value < 1:
            raise StartError(f"the parameter p_value is {p_value:g}; it is a probability, above 0, below 1")
        if drift_batch_size < 2:
            raise StartError(f"the parameter drift_batch_size is {drift_batch_size}; it must be 2 or more")
        self.model_uri = model_uri
        self.p_value = p_value
        self.drift_batch_size = drift_batch_size
        self.reference = Reference(np.empty((0, 0)), ())
        self._lock = threading.Lock()
        self._waiting: list[Array] = []
        self._latest: Json = {}
        self._found = [0, 0]  # batches, drifts among them

    def compare(self, batch: Array) -> tuple[Array, Array, float]:
        """Return distances, p-values, and the p-value up to which each counts as drift."""
        raise NotImplementedError

    def prepare(self, reference: Reference) -> Reference:
        """Return the reference as it will be compared with."""
        return as_numbers(reference)

    def place_rows(self, value: Any, names: Sequence[str]) -> Array:
        """Return a caller's rows as they will be compared; raises InvalidMessageError."""
        return self.reference.place_numbers(value, names)

    def load(self) -> None:
        """Read the reference."""
        self.reference = self.prepare(fetch_reference(self.model_uri, type(self).__name__))

    def transform_input(self, X: Any, features_names: Sequence[str]) -> SeldonResponse:  # noqa: N803 - its name there
        """Return the rows as they came; the call that fills a batch has the result among its tags."""
        results = self.observe(X, features_names)
        return SeldonResponse(X, {TAG: results[-1]} if results else {}, self._describe(results))

    def predict(self, X: Any, features_names: Sequence[str]) -> SeldonResponse:  # noqa: N803 - its name there
        """Return what Seldon Core's detector server answers when a batch is full, `{}` before."""
        results = self.observe(X, features_names)
        meta = {"name": type(self).__name__, "detector_type": "drift"}
        answer = {"data": results[-1], "meta": meta} if results else {}
        return SeldonResponse(answer, metrics=self._describe(results))

    def observe(self, value: Any, names: Sequence[str]) -> list[Json]:
        """Return the results of the batches that these rows fill; most often there are none."""
        rows = self.place_rows(value, names)
        with self._lock:
            gathered = np.concatenate([*self._waiting, rows])
            full = len(gathered) - len(gathered) % self.drift_batch_size
            self._waiting = [gathered[full:]]
            starts = range(0, full, self.drift_batch_size)
            return [self._judge(gathered[start : start + self.drift_batch_size]) for start in starts]

    def health_status(self) -> Json:
        """Return the latest result of this worker, and how many rows wait for the next one."""
        batches, drifts = self._found
        waiting = sum(len(rows) for rows in self._waiting)
        return {"detector": type(self).__name__, "batches": batches, "drifts": drifts, "waiting": waiting,
                "drift_batch_size": self.drift_batch_size, "latest": self._latest}  # fmt: skip

    def _judge(self, batch: Array) -> Json:
        distances, chances, threshold = self.compare(batch)
        is_drift = int((chances <= threshold).any())
        self._found = [self._found[0] + 1, self._found[1] + is_drift]
        self._latest = {"is_drift": is_drift, "distance": distances.tolist(), "p_val": chances.tolist(),
                        "threshold": threshold, "rows": len(batch)}  # fmt: skip
        return self._latest

    def _describe(self, results: list[Json]) -> list[Json]:
        """Return the gauges of the latest result, by column where there is one for each."""
        if not results:
            return []
        latest = results[-1]
        found = sum(result["is_drift"] for result in results)
        metrics = [
            {"type": "COUNTER", "key": "seldon_metric_drift_counter", "value": found},
            gauge("seldon_metric_drift_is_drift", latest["is_drift"]),
            gauge("seldon_metric_drift_threshold", latest["threshold"]),
        ]
        for key in ("distance", "p_val"):
            columns = enumerate(latest[key])
            metrics += [gauge(f"seldon_metric_drift_{key}", value, index=str(n)) for n, value in columns]
        return metrics


class ColumnDrift(DriftDetector):
    """Compares column by column; `correction` allows for many columns: `bonferroni` or `fdr`."""

    def __init__(
        self, model_uri: str = "", p_value: float = 0.05, drift_batch_size: int = 1000,
        correction: str = "bonferroni",
    ) -> None:  # fmt: skip
        super().__init__(model_uri, p_value, drift_batch_size)
        if correction not in CORRECTIONS:
            raise StartError(f"the parameter correction is {correction}, not one of {', '.join(CORRECTIONS)}")
        self.correction = correction

    def judge_columns(self, found: tuple[Array, Array]) -> tuple[Array, Array, float]:
        """Return the columns' distances and p-values, and the corrected level."""
        return *found, CORRECTIONS[self.correction](found[1], self.p_value)


class KSDrift(ColumnDrift):
    """KS_DRIFT: the Kolmogorov–Smirnov test of each column of numbers."""

    def compare(self, batch: Array) -> tuple[Array, Array, float]:
        """Return distances, p-values and the level."""
        return self.judge_columns(compare_distributions(self.reference.rows, batch))


class ChiSquareDrift(ColumnDrift):
    """CHI2_DRIFT: the chi² test of each column of categories, numbers or texts."""

    def prepare(self, reference: Reference) -> Reference:
        """Return the reference as it is: categories need not be numbers."""
        return reference

    def place_rows(self, value: Any, names: Sequence[str]) -> Array:
        """Return a caller's rows as texts."""
        return self.reference.place(value, names).astype(str)

    def compare(self, batch: Array) -> tuple[Array, Array, float]:
        """Return statistics, p-values and the level."""
        return self.judge_columns(compare_counts(self.reference.rows, batch))


class MMDDrift(DriftDetector):
    """MMD_DRIFT: all columns at once, scaled by the reference, by their maximum mean discrepancy."""

    def __init__(
        self, model_uri: str = "", p_value: float = 0.05, drift_batch_size: int = 1000,
        n_permutations: int = 100, max_reference: int = 1000, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(model_uri, p_value, drift_batch_size)
        if (1 + n_permutations) * p_value < 1:
            raise StartError(
                f"n_permutations is {n_permutations}; with so few no p-value is below {p_value:g}"
            )
        self.n_permutations = n_permutations
        self.max_reference = max_reference
        self.random = np.random.default_rng(seed)
        self._scale: Array = np.ones(1)
        self._test: Any = None

    def prepare(self, reference: Reference) -> Reference:
        """Return the reference, of which `max_reference` rows by chance are compared with."""
        found = as_numbers(reference)
        spread = found.rows.std(axis=0)
        self._scale = np.where(spread > 0, spread, 1.0)
        rows = self.random.permutation(found.rows)[: self.max_reference] / self._scale
        self._test = MmdTest(rows, self.n_permutations, self.random)
        return found

    def compare(self, batch: Array) -> tuple[Array, Array, float]:
        """Return the one distance, its p-value and the level."""
        distance, chance = self._test.compare(batch / self._scale)
        return np.array([distance]), np.array([chance]), self.p_value
