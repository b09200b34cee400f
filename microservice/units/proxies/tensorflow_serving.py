"""TENSORFLOW_SERVER: asks TensorFlow Serving over its REST protocol."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from microservice.errors import StartError
from microservice.protocol.errors import InvalidMessageError
from microservice.protocol.payload import shorten
from microservice.units.calling import Upstream, describe_need

Json = dict[str, Any]


class TfServingProxy:
    """Asks `model_name` at `rest_endpoint`; the parameters are those of Seldon Core's proxy.

    With `model_input` the rows are that input's and the answer is `outputs`, else they are `instances`.
    `jsonData` is sent as it is.
    """

    def __init__(
        self, *, rest_endpoint: str = "", grpc_endpoint: str = "", model_name: str = "",
        signature_name: str = "", model_input: str = "", model_output: str = "", model_uri: str = "",
        timeout_seconds: float = 10.0,
    ) -> None:  # fmt: skip
        if not rest_endpoint:
            only = "; this proxy speaks no gRPC, leave grpc_endpoint out" if grpc_endpoint else ""
            raise StartError(f"{describe_need('TensorFlow Serving', 8501, model_uri)}{only}")
        if not model_name:
            raise StartError("the parameter model_name is needed: the model's name in TensorFlow Serving")
        self._upstream = Upstream(rest_endpoint, timeout_seconds)
        self._path = f"/v1/models/{model_name}:predict"
        self._more = {"signature_name": signature_name} if signature_name else {}
        self._input = model_input
        self._output = model_output

    def predict(self, X: Any, features_names: Sequence[str]) -> Any:  # noqa: N803 - its name there
        """Return the predictions as an array, several outputs as a JSON object."""
        return self._read(self._upstream.post(self._path, self._write(X)))

    def _write(self, value: Any) -> Json:
        if isinstance(value, dict):
            return value
        instances = write_instances(value)
        return self._more | (
            {"inputs": {self._input: instances}} if self._input else {"instances": instances}
        )

    def _read(self, answer: Any) -> Any:
        found = answer.get("outputs", answer.get("predictions")) if isinstance(answer, dict) else None
        if found is None:
            return answer if isinstance(answer, dict) else {"predictions": answer}
        if isinstance(found, list) and found and isinstance(found[0], dict):
            if not self._output:
                return {"predictions": found}
            found = [self._pick(row) for row in found]
        elif isinstance(found, dict):
            if not self._output:
                return {"outputs": found}
            found = self._pick(found)
        return np.array(found)

    def _pick(self, outputs: Json) -> Any:
        if self._output in outputs:
            return outputs[self._output]
        there = ", ".join(outputs)
        raise InvalidMessageError(f"the model has no output {self._output} (model_output); it has {there}")


def write_instances(value: Any) -> Any:
    """Return rows as TensorFlow Serving's JSON has them; bytes are objects with `b64`."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "biuf" else value.tolist()
    if isinstance(value, str):
        return [value]
    if isinstance(value, bytes):
        return [{"b64": base64.b64encode(value).decode()}]
    raise InvalidMessageError(f"send an array, text, bytes or jsonData, not {shorten(value)}")
