"""Parts of v2's protobuf messages that whoever speaks it over gRPC reads and writes; no numpy here."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
SERVICE = "inference.GRPCInferenceService"
BYTES = "BYTES"
# The list of InferTensorContents in which the values of a datatype stand; FP16 has none and comes raw.
FIELDS = {
    "BOOL": "bool_contents", "INT8": "int_contents", "INT16": "int_contents", "INT32": "int_contents",
    "INT64": "int64_contents", "UINT8": "uint_contents", "UINT16": "uint_contents",
    "UINT32": "uint_contents", "UINT64": "uint64_contents", "FP32": "fp32_contents",
    "FP64": "fp64_contents", BYTES: "bytes_contents",
}  # fmt: skip


def read_parameters(found: Any) -> Json:
    """Return parameters as a dict."""
    return {
        name: getattr(value, str(value.WhichOneof("parameter_choice")))
        for name, value in found.items()
        if value.WhichOneof("parameter_choice")
    }


def write_parameters(values: Json, target: Any) -> None:
    """Write parameters into a message."""
    for name, value in values.items():
        if isinstance(value, bool):
            target[name].bool_param = value
        elif isinstance(value, int) and -(2**63) <= value < 2**63:
            target[name].int64_param = value
        elif isinstance(value, float):
            target[name].double_param = value
        else:
            target[name].string_param = str(value)
