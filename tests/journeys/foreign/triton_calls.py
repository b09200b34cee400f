"""Asks a gateway over gRPC with Triton's own client.

Run with an environment of its own. Arguments: host:port, the token, the model's name.
What came back is printed as one line of JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import tritonclient.grpc as triton

VALUES: dict[str, Any] = {
    "FP32": np.array([[1.5, -2.0]], dtype=np.float32),
    "FP64": np.array([[0.1, -1e300]], dtype=np.float64),
    "FP16": np.array([[1.5, -2.0]], dtype=np.float16),
    "INT8": np.array([[-128, 127]], dtype=np.int8),
    "INT64": np.array([[2**60, -1]], dtype=np.int64),
    "UINT8": np.array([[255, 0]], dtype=np.uint8),
    "UINT64": np.array([[2**64 - 1, 0]], dtype=np.uint64),
    "BOOL": np.array([[True, False]]),
    "BYTES": np.array([["é".encode(), b""]], dtype=object),
}


def infer(client: Any, model: str, headers: Any, values: Any, datatype: str) -> Any:
    """What `values` are answered with."""
    held = triton.InferInput("x", list(values.shape), datatype)
    held.set_data_from_numpy(values)
    result = client.infer(model, [held], request_id="7", parameters={"part": 3}, headers=headers)
    return result.as_numpy(result.get_response().outputs[0].name)


def is_same(found: Any, values: Any) -> bool:
    """Whether values came back as they went."""
    if values.dtype == object:
        return [bytes(each) for each in found.ravel()] == list(values.ravel())
    return bool(np.array_equal(found, values, equal_nan=values.dtype.kind == "f"))


def said(ask: Any, *given: Any, **named: Any) -> str:
    """The status and words with which a call fails."""
    try:
        ask(*given, **named)
    except triton.InferenceServerException as error:
        return f"{error.status()}: {error.message()}"
    return ""


def main(address: str, token: str, model: str) -> dict[str, Any]:
    """Everything that was asked."""
    client = triton.InferenceServerClient(address)
    headers = {"authorization": f"Bearer {token}"}
    nan = np.array([[np.nan]], dtype=np.float32)
    return {
        "live": client.is_server_live(headers=headers),
        "ready": [client.is_server_ready(headers=headers), client.is_model_ready(model, headers=headers)],
        "server": client.get_server_metadata(headers=headers).name,
        "platform": client.get_model_metadata(model, headers=headers).platform,
        "index": [each.name for each in client.get_model_repository_index(headers=headers).models],
        "same": {
            kind: is_same(infer(client, model, headers, values, kind), values)
            for kind, values in VALUES.items()
        },
        "nan": said(infer, client, model, headers, nan, "FP32"),
        "unknown": said(client.get_model_metadata, "nope", headers=headers),
        "stranger": said(client.get_model_metadata, model, headers={"authorization": "Bearer no"}),
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
