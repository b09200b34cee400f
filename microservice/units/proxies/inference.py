"""TRITON_SERVER: asks Triton, or any other server of the v2 (open inference) protocol, over REST."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import numpy as np

from microservice.errors import StartError, UpstreamError
from microservice.protocol.errors import InvalidMessageError
from microservice.protocol.payload import shorten
from microservice.protocol.v2 import DATATYPES
from microservice.units.calling import Upstream, describe_need

Json = dict[str, Any]
KINDS = {
    "BOOL": "bool", "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64",
    "INT8": "int8", "INT16": "int16", "INT32": "int32", "INT64": "int64",
    "FP16": "float16", "FP32": "float32", "FP64": "float64",
}  # fmt: skip
UNTOLD_INPUT = "input-0"  # as our own microservice and MLServer call an input without a name


class TritonProxy:
    """Asks `model_name` at `rest_endpoint`. What the model takes is read from its metadata, once.

    An array is the model's only input, or the one that `model_input` names; `jsonData` has an array for each.
    A model that describes no inputs, as many of MLServer's, is sent what there is in its own type.
    """

    def __init__(
        self, *, rest_endpoint: str = "", model_name: str = "", model_version: str = "",
        model_input: str = "", model_output: str = "", model_uri: str = "", timeout_seconds: float = 10.0,
    ) -> None:  # fmt: skip
        if not rest_endpoint:
            raise StartError(describe_need("Triton", 8000, model_uri))
        if not model_name:
            raise StartError("the parameter model_name is needed: the model's name in the server")
        self._upstream = Upstream(rest_endpoint, timeout_seconds)
        version = f"/versions/{quote(model_version)}" if model_version else ""
        self._path = f"/v2/models/{quote(model_name)}{version}"
        self._input = model_input
        self._output = model_output
        self._kinds: dict[str, str] | None = None

    def predict(self, X: Any, features_names: Sequence[str]) -> Any:  # noqa: N803 - its name there
        """Return the model's output as an array, several as a JSON object of arrays."""
        kinds = self._read_kinds()
        tensors = [
            write_tensor(name, kinds.get(name) or datatype_of(value), value)
            for name, value in self._name(X, kinds).items()
        ]
        body: Json = {"inputs": tensors}
        if self._output:
            body["outputs"] = [{"name": self._output}]
        answer = self._upstream.post(f"{self._path}/infer", body)
        try:
            found = {output["name"]: read_tensor(output) for output in answer["outputs"]}
        except (KeyError, TypeError, ValueError) as error:
            raise self._fault(f"answered no tensors: {error!r}") from error
        if self._output in found:
            return found[self._output]
        if len(found) == 1:
            return next(iter(found.values()))
        return {name: values.tolist() for name, values in found.items()}

    def _read_kinds(self) -> dict[str, str]:
        """Return the datatype of each input, as the model's metadata says."""
        if self._kinds is None:
            answer = self._upstream.get(self._path)
            try:
                self._kinds = {tensor["name"]: tensor["datatype"] for tensor in answer["inputs"] or ()}
            except (KeyError, TypeError) as error:
                raise self._fault("has no metadata that names its inputs") from error
        return self._kinds

    def _name(self, value: Any, kinds: dict[str, str]) -> dict[str, Any]:
        if not kinds:
            return value if isinstance(value, dict) else {self._input or UNTOLD_INPUT: value}
        if isinstance(value, dict):
            unknown = value.keys() - kinds.keys()
            if unknown:
                raise InvalidMessageError(f"the model has no input {min(unknown)}; it has {', '.join(kinds)}")
            return value
        if self._input or len(kinds) == 1:
            name = self._input or next(iter(kinds))
            if name in kinds:
                return {name: value}
        raise InvalidMessageError(
            f"the model has the inputs {', '.join(kinds)}: name one by model_input, or send them as jsonData"
        )

    def _fault(self, problem: str) -> UpstreamError:
        return UpstreamError(self._upstream.address + self._path, problem)


def datatype_of(value: Any) -> str:
    """Return the datatype of an array, a list or a text as it is; BYTES of what no number type is."""
    return DATATYPES.get(np.array(value).dtype, "BYTES")


def write_tensor(name: str, datatype: str, value: Any) -> Json:
    """Return a tensor of the model's datatype; raises InvalidMessageError for what cannot be one."""
    if datatype == "BYTES":
        texts = np.array([value] if isinstance(value, str) else value).astype(str)
        return {
            "name": name,
            "shape": list(texts.shape),
            "datatype": datatype,
            "data": texts.ravel().tolist(),
        }
    try:
        array = np.array(value).astype(KINDS[datatype])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidMessageError(f"input {name} is {datatype}; {shorten(value)} is none: {error}") from error
    # JSON has no halves; 32 bits hold them all.
    data = array.ravel().astype("float32") if datatype == "FP16" else array.ravel()
    return {"name": name, "shape": list(array.shape), "datatype": datatype, "data": data}


def read_tensor(tensor: Json) -> Any:
    """Return the array of a tensor in JSON."""
    kind = KINDS.get(tensor["datatype"])
    return np.array(tensor["data"], dtype=kind or object).reshape(tensor["shape"])
