"""What outlier detectors share: scores against a threshold, the tag, the gauges, and how right they were."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from microservice.errors import StartError
from microservice.protocol.errors import InvalidMessageError
from microservice.units.base import ShippedUnit
from microservice.units.detectors.measures import count_outcomes, gauge, measure
from microservice.units.detectors.reference import Reference, as_numbers, fetch_reference
from microservice.user_model import SeldonResponse

Array = np.ndarray[Any, Any]
Json = dict[str, Any]
WINDOW = 100
MOST_TAGS = 20
TAG = "outlier-predictions"


class OutlierDetector(ShippedUnit):
    """Says which rows are outliers; a subclass fits itself to the reference and scores rows."""

    def __init__(self, model_uri: str, threshold: float | None, contamination: float) -> None:
        if not 0 < contamination < 1:
            raise StartError(
                f"the parameter contamination is {contamination:g}; it is a share, above 0, below 1"
            )
        self.model_uri = model_uri
        self.contamination = contamination
        self.threshold = float("nan") if threshold is None else threshold
        self.reference = Reference(np.empty((0, 0)), ())
        self._lock = threading.Lock()
        self._seen = np.zeros(2)  # rows, outliers among them
        self._latest: Json = {}
        self._outcomes = np.zeros(4)
        self._window: deque[tuple[bool, bool]] = deque(maxlen=WINDOW)

    def fit(self, rows: Array) -> None:
        """Learn what is usual from the reference's rows."""
        raise NotImplementedError

    def score(self, rows: Array) -> Array:
        """Return a number per row, larger for stranger rows."""
        raise NotImplementedError

    def resume(self) -> None:
        """Go on with what was learnt before, where the detector learns."""

    def learn(self, rows: Array) -> None:
        """Learn from rows that were no outliers, where the detector does."""

    def load(self) -> None:
        """Fit to the reference; without a threshold, `contamination` of its rows are to be outliers."""
        self.reference = as_numbers(fetch_reference(self.model_uri, type(self).__name__))
        self.fit(self.reference.rows)
        if np.isnan(self.threshold):
            self.threshold = float(np.quantile(self.score(self.reference.rows), 1 - self.contamination))
        self.resume()

    def transform_input(self, X: Any, features_names: Sequence[str]) -> SeldonResponse:  # noqa: N803 - its name there
        """Return the rows as they came, tagged with 0 or 1 for each."""
        scores, metrics = self.detect(X, features_names)
        return SeldonResponse(X, {TAG: self._flag(scores).tolist()}, metrics)

    def predict(self, X: Any, features_names: Sequence[str]) -> SeldonResponse:  # noqa: N803 - its name there
        """Return what Seldon Core's detector server answers: `data.is_outlier` and `data.instance_score`."""
        scores, metrics = self.detect(X, features_names)
        data = {"is_outlier": self._flag(scores).tolist(), "instance_score": scores.tolist(),
                "threshold": self.threshold}  # fmt: skip
        meta = {"name": type(self).__name__, "detector_type": "outlier"}
        return SeldonResponse({"data": data, "meta": meta}, metrics=metrics)

    def detect(self, value: Any, names: Sequence[str]) -> tuple[Array, list[Json]]:
        """Return the scores of a caller's rows and the gauges that tell of them; what is usual is learnt."""
        rows = self.reference.place_numbers(value, names)
        scores = self.score(rows)
        flags = self._flag(scores)
        self.learn(rows[flags == 0])
        with self._lock:
            self._seen += np.array([len(rows), flags.sum()])
            seen, outliers = self._seen.tolist()
        self._latest = {"rows": len(rows), "outliers": int(flags.sum()), "largest_score": largest_of(scores),
                        "tags": flags[:MOST_TAGS].tolist()}  # fmt: skip
        return scores, self._describe(scores, int(flags.sum()), seen, outliers)

    def send_feedback(
        self, features: Any, feature_names: Sequence[str], reward: float, truth: Any, routing: Any = None
    ) -> SeldonResponse:
        """Compare what the rows are said to be with what they were: `truth` is 0 or 1 for each row."""
        told = np.asarray(truth).ravel()
        if not len(told):
            return SeldonResponse([])
        rows = self.reference.place_numbers(features, feature_names)
        if len(told) != len(rows) or not np.isin(told, (0, 1)).all():
            raise InvalidMessageError(f"truth must be 0 or 1 for each of the {len(rows)} rows of the request")
        flags = self._flag(self.score(rows))
        with self._lock:
            self._window.extend(zip(flags == 1, told == 1, strict=True))
            self._outcomes += count_outcomes(flags, told)
            window = np.array(self._window)
        total = measure(self._outcomes, "tot")
        return SeldonResponse([], metrics=total + measure(count_outcomes(window[:, 0], window[:, 1]), "roll"))

    def health_status(self) -> Json:
        """Return what this worker has seen, and what it said of the latest call."""
        rows, outliers = self._seen.tolist()
        return {"detector": type(self).__name__, "observation": rows, "nb_outliers": outliers,
                "threshold": self.threshold, "latest": self._latest}  # fmt: skip

    def _flag(self, scores: Array) -> Array:
        flags: Array = (scores > self.threshold).astype(int)
        return flags

    def _describe(self, scores: Array, found: int, seen: float, outliers: float) -> list[Json]:
        """Return the gauges: of this call the largest score, and what this worker has seen so far."""
        largest = largest_of(scores)
        return [
            gauge("is_outlier", float(found > 0)),
            gauge("anomaly_score", largest),
            gauge("nb_outliers", outliers),
            gauge("fraction_outliers", outliers / seen if seen else 0.0),
            gauge("observation", seen),
            gauge("threshold", self.threshold),
            {"type": "COUNTER", "key": "seldon_metric_outlier_is_outlier", "value": found},
            gauge("seldon_metric_outlier_instance_score", largest),
        ]


def largest_of(scores: Array) -> float:
    """Return the largest score, 0 of none."""
    return float(scores.max()) if len(scores) else 0.0
