"""Asks a microservice with Triton's own clients: HTTP in JSON and in bytes, gRPC.

Run with an environment of its own. Arguments: host:port of HTTP, host:port of gRPC.
What came back is printed as one line of JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import tritonclient.grpc
import tritonclient.http

VALUES: dict[str, Any] = {
    "FP32": np.array([[1.5, -2.0]], dtype=np.float32),
    "FP16": np.array([[1.5, -2.0]], dtype=np.float16),
    "INT64": np.array([[2**60, -1]], dtype=np.int64),
    "UINT8": np.array([[255, 0]], dtype=np.uint8),
    "BOOL": np.array([[True, False]]),
    "BYTES": np.array([["é".encode(), b""]], dtype=object),
}


def infer(module: Any, client: Any, datatype: str, **ways: bool) -> bool:
    """Whether values come back as they went."""
    values = VALUES[datatype]
    held = module.InferInput("x", list(values.shape), datatype)
    held.set_data_from_numpy(values, **({"binary_data": ways["sent"]} if "sent" in ways else {}))
    back = {"binary_data": ways["back"]} if "back" in ways else {}
    packed = {"request_compression_algorithm": "gzip"} if "packed" in ways else {}
    wanted = [module.InferRequestedOutput("y", **back)]
    result = client.infer("Echo", [held], outputs=wanted, request_id="7", **packed)
    found = result.as_numpy("y")
    is_text = datatype == "BYTES"
    flat = (
        [value if isinstance(value, bytes) else str(value).encode() for value in found.ravel()]
        if is_text
        else found
    )
    return bool(np.array_equal(flat, values.ravel() if is_text else values))


def main(http: str, rpc: str) -> dict[str, Any]:
    """Everything that was asked."""
    rest, other = tritonclient.http.InferenceServerClient(http), tritonclient.grpc.InferenceServerClient(rpc)
    found: dict[str, Any] = {
        "live": [rest.is_server_live(), other.is_server_live()],
        "ready": [
            rest.is_server_ready(),
            other.is_server_ready(),
            rest.is_model_ready("Echo"),
            other.is_model_ready("Echo"),
        ],
        "outputs": [
            rest.get_model_metadata("Echo")["outputs"][0]["name"],
            other.get_model_metadata("Echo").outputs[0].name,
        ],
        "index": [
            rest.get_model_repository_index()[0]["state"],
            other.get_model_repository_index().models[0].state,
        ],
        "json": {
            kind: infer(tritonclient.http, rest, kind, sent=False, back=False)
            for kind in VALUES
            if kind != "FP16"
        },
        "bytes": {kind: infer(tritonclient.http, rest, kind, sent=True, back=True) for kind in VALUES},
        "packed": {"FP32": infer(tritonclient.http, rest, "FP32", sent=True, back=True, packed=True)},
        "grpc": {kind: infer(tritonclient.grpc, other, kind) for kind in VALUES},
    }
    for name, ask in (("rest", rest.get_model_metadata), ("grpc", other.get_model_metadata)):
        try:
            ask("nope")
        except tritonclient.utils.InferenceServerException as error:
            found[f"unknown, {name}"] = error.message()
    return found


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
