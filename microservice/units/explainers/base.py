"""What the explainers share: the predictor, the reference, rows in and an explanation out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from microservice.errors import StartError
from microservice.protocol.errors import InvalidMessageError
from microservice.protocol.payload import decode_message
from microservice.protocol.wire import encode_json
from microservice.units.base import Explains, ShippedUnit
from microservice.units.calling import Upstream
from microservice.units.detectors.reference import Reference, as_numbers, fetch_reference
from microservice.units.explainers.predictor import Predictor

Array = np.ndarray[Any, Any]
Json = dict[str, Any]
# How long one question waits in all when the predictor says that too much was asked: half of what the
# gateway gives an explanation.
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ExplainerOptions:
    """The parameters that every explainer takes."""

    predictor_host: str = ""
    model_name: str = "model"
    protocol: str = "seldon.http"
    model_uri: str = ""
    max_reference: int = 100
    max_rows: int = 100
    batch_rows: int = 5000
    timeout_seconds: float = 30.0
    token: str = ""
    seed: int = 0


class Explainer(ShippedUnit, Explains):
    """Explains a predictor that it asks over REST; a subclass says how."""

    def __init__(self, options: Json) -> None:
        self.options = read_options(options)
        self.model_name = self.options.model_name
        upstream = Upstream(
            self.options.predictor_host, self.options.timeout_seconds, self.options.token, PATIENCE_SECONDS
        )
        self.predictor = Predictor(upstream, self.options.protocol, self.model_name, self.options.batch_rows)
        self.reference = Reference(np.empty((0, 0)), ())
        self._lock = threading.Lock()

    def explain(self, rows: Array) -> Json:
        """Return `meta` and `data` of the explanation of some rows."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Make ready what takes time, before the first call."""

    def load(self) -> None:
        """Read the reference, of which `max_reference` rows by chance stand for all."""
        found = as_numbers(fetch_reference(self.options.model_uri, type(self).__name__))
        order = np.random.default_rng(self.options.seed).permutation(len(found.rows))
        self.reference = Reference(found.rows[order[: self.options.max_reference]], found.names)
        self.predictor.names = self.reference.names
        self.prepare()

    def explain_message(self, message: Any) -> Json:
        """Return the explanation of a SeldonMessage's rows, or of TensorFlow's `instances`."""
        if isinstance(message, dict) and "instances" in message:
            return self._explain_rows(np.array(message["instances"]), ())
        payload = decode_message(message)
        return self._explain_rows(payload.value, payload.names)

    def predict(self, X: Any, features_names: Sequence[str]) -> str:  # noqa: N803 - its name there
        """Return the explanation as JSON text: over the v2 protocol it is one output of BYTES."""
        return encode_json(self._explain_rows(X, features_names)).decode()

    def feature_names(self) -> list[str]:
        """Return the columns' names, or their numbers."""
        names = self.reference.names or range(self.reference.rows.shape[1])
        return [str(name) for name in names]

    def _explain_rows(self, value: Any, names: Sequence[str]) -> Json:
        rows = self.reference.place_numbers(value, names)
        if not 0 < len(rows) <= self.options.max_rows:
            raise InvalidMessageError(f"send 1 to {self.options.max_rows} rows (max_rows), not {len(rows)}")
        with self._lock:
            return self.explain(rows)


def read_options(options: Json) -> ExplainerOptions:
    """Return the parameters; raises StartError for an unknown one and when the predictor is not named."""
    known = [field.name for field in fields(ExplainerOptions)]
    unknown = options.keys() - set(known)
    if unknown:
        raise StartError(f"unknown parameter {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    found = ExplainerOptions(**options)
    if not found.predictor_host:
        raise StartError("the parameter predictor_host is needed: host:port of the predictor, or its URL")
    if min(found.max_reference, found.max_rows, found.batch_rows) < 1:
        raise StartError("max_reference, max_rows and batch_rows must be 1 or more")
    return found
