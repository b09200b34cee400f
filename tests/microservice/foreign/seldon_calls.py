"""Asks a microservice with Seldon Core's own client: every method and payload, over HTTP and gRPC.

Run with an environment of its own. Arguments: host:port of HTTP, host:port of gRPC.
What came back is printed as one line of JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.json_format import MessageToDict
from google.protobuf.wrappers_pb2 import StringValue
from seldon_core.seldon_client import SeldonClient

DATA = np.array([[1.5, 2.5]])


def shown(answer: Any) -> Any:
    """The payload of an answer, or why there is none."""
    if not answer.success:
        return f"failed: {answer.msg}"
    response = answer.response
    found = response if isinstance(response, dict) else MessageToDict(response)
    return {name: value for name, value in found.items() if name != "meta"}


def ask_component(transport: str, endpoint: str) -> dict[str, Any]:
    """What the methods of a component answer."""
    client = SeldonClient(transport=transport, microservice_endpoint=endpoint)
    found = {
        method: shown(client.microservice(method=method, data=DATA, names=["a", "b"]))
        for method in ("predict", "transform-input", "transform-output", "route")
    }
    found["ndarray"] = shown(client.microservice(method="predict", data=DATA, payload_type="ndarray"))
    found["aggregate"] = shown(client.microservice(method="aggregate", datas=[DATA, DATA + 2]))
    found["str"] = shown(client.microservice(method="predict", str_data="é"))
    found["bin"] = shown(client.microservice(method="predict", bin_data=b"\0\1"))
    found["json"] = shown(client.microservice(method="predict", json_data={"a": [1, None]}))
    if transport == "grpc":
        packed = Packed()
        packed.Pack(StringValue(value="x"))
        found["custom"] = shown(client.microservice(method="predict", custom_data=packed))
    asked = client.microservice(method="predict", data=DATA)
    found["feedback"] = shown(client.microservice_feedback(asked.request, asked.response, reward=0.5))
    found["refused"] = shown(client.microservice(method="predict", str_data="boom"))
    return found


def ask_deployment(transport: str, endpoint: str) -> dict[str, Any]:
    """What the same component answers as the API of a deployment."""
    client = SeldonClient(
        gateway="seldon", transport=transport, deployment_name="d", gateway_endpoint=endpoint
    )
    asked = client.predict(data=DATA, client_return_type="proto")
    told = {"client_return_type": "proto", "reward": 1.0}
    return {
        "tensor": shown(asked),
        "str": shown(client.predict(str_data="x")),
        "feedback": shown(client.feedback(asked.request, asked.response, **told)),
    }


def main(http: str, rpc: str) -> dict[str, Any]:
    """Everything that was asked."""
    return {
        "component": {"rest": ask_component("rest", http), "grpc": ask_component("grpc", rpc)},
        "deployment": {"rest": ask_deployment("rest", http), "grpc": ask_deployment("grpc", rpc)},
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
