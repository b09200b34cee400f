"""The predictor that is explained, as a function from rows to outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from microservice.errors import StartError, UpstreamError
from microservice.protocol.errors import InvalidMessageError
from microservice.protocol.payload import decode_message
from microservice.units.calling import Upstream

Array = np.ndarray[Any, Any]
PROTOCOLS = {
    "seldon": "/api/v1.0/predictions",
    "tensorflow": "/v1/models/{}:predict",
    "kfserving": "/v2/models/{}/infer",
}
# As Seldon Core writes them, with the way they are carried; V2 is what MLServer calls kfserving.
WAYS = {f"{name}.http": name for name in PROTOCOLS} | {name: name for name in PROTOCOLS} | {"v2": "kfserving"}


class Predictor:
    """Asks a predictor over REST, `batch_rows` rows at once."""

    def __init__(self, upstream: Upstream, protocol: str, model_name: str, batch_rows: int) -> None:
        if protocol not in WAYS:
            raise StartError(f"the parameter protocol is {protocol}, not one of {', '.join(WAYS)}")
        self._upstream = upstream
        self._way = WAYS[protocol]
        self._path = PROTOCOLS[self._way].format(model_name)
        self._batch_rows = batch_rows
        self.names: Sequence[str] = ()

    def __call__(self, rows: Array) -> Array:
        """Return (rows, outputs); raises UpstreamError when the predictor does not give as many numbers."""
        rows = np.asarray(rows, dtype=float)
        starts = range(0, len(rows), self._batch_rows)
        return np.concatenate([self._ask(rows[start : start + self._batch_rows]) for start in starts])

    def _ask(self, rows: Array) -> Array:
        answer = self._upstream.post(self._path, self._write(rows))
        try:
            found = np.asarray(self._read(answer), dtype=float)
        except (InvalidMessageError, KeyError, IndexError, TypeError, ValueError) as error:
            raise self._fault(f"answered no numbers: {error}") from error
        if found.ndim not in (1, 2) or len(found) != len(rows):
            raise self._fault(f"answered shape {list(found.shape)} to {len(rows)} rows")
        return found.reshape(len(rows), -1)

    def _write(self, rows: Array) -> Any:
        if self._way == "tensorflow":
            return {"instances": rows}
        if self._way == "kfserving":
            tensor = {"name": "predict", "shape": list(rows.shape), "datatype": "FP64", "data": rows.ravel()}
            return {"inputs": [tensor]}
        return {"data": {"names": list(self.names), "ndarray": rows}}

    def _read(self, answer: Any) -> Any:
        if self._way == "tensorflow":
            return answer["predictions"]
        if self._way == "kfserving":
            output = answer["outputs"][0]
            return np.asarray(output["data"], dtype=float).reshape(output["shape"])
        return decode_message(answer).value

    def _fault(self, problem: str) -> UpstreamError:
        return UpstreamError(self._upstream.address + self._path, problem)
