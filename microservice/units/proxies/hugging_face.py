"""HUGGINGFACE_SERVER: asks a server of Hugging Face's makes: Inference Endpoints, TGI, TEI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from microservice.errors import StartError
from microservice.protocol.errors import InvalidMessageError
from microservice.protocol.payload import shorten
from microservice.units.calling import Upstream, describe_need, read_json_parameter

Json = dict[str, Any]


class HuggingFaceProxy:
    """Sends texts as `inputs` with the given `parameters`; `jsonData` is sent as it is."""

    def __init__(
        self, rest_endpoint: str = "", path: str = "/", parameters: str = "", token: str = "",
        model_uri: str = "", timeout_seconds: float = 60.0,
    ) -> None:  # fmt: skip
        if not rest_endpoint:
            raise StartError(describe_need("Hugging Face", 8080, model_uri))
        self._upstream = Upstream(rest_endpoint, timeout_seconds, token)
        self._path = f"/{path.lstrip('/')}"
        self._parameters = read_json_parameter("parameters", parameters)

    def predict(self, X: Any, features_names: Sequence[str]) -> Any:  # noqa: N803 - its name there
        """Return rows of numbers (embeddings) as an array, anything else as a JSON object."""
        return read_outputs(self._upstream.post(self._path, self._write(X)))

    def _write(self, value: Any) -> Json:
        if isinstance(value, dict):
            return value
        more = {"parameters": self._parameters} if self._parameters else {}
        return {"inputs": read_texts(value)} | more


def read_texts(value: Any) -> Any:
    """Return a text, or the list of an array's: one per row."""
    if isinstance(value, str):
        return value
    if isinstance(value, np.ndarray) and value.size and value.dtype.kind in "UO":
        rows = value.reshape(len(value), -1)
        if rows.shape[1] == 1 and all(isinstance(text, str) for text in rows[:, 0]):
            return [str(text) for text in rows[:, 0]]
    raise InvalidMessageError(
        f"send strData, an array with one text per row, or jsonData, not {shorten(value)}"
    )


def read_outputs(answer: Any) -> Any:
    """Return an answer as a hook may: an array when it is rows of as many numbers each."""
    if isinstance(answer, dict):
        return answer
    if isinstance(answer, list) and answer and all(isinstance(row, list) for row in answer):
        try:
            return np.array(answer, dtype=float)
        except (TypeError, ValueError):
            return {"outputs": answer}
    return {"outputs": answer}
