"""Whether something serves over gRPC, by the standard health service."""

from __future__ import annotations

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


def serves(address: str, timeout_seconds: float = 2.0) -> bool:
    """True when the server at `address` says that it serves, or answers that it has no health service."""
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            found = stub.Check(health_pb2.HealthCheckRequest(), timeout=timeout_seconds)
        except grpc.RpcError as error:
            return bool(error.code() is grpc.StatusCode.UNIMPLEMENTED)
    return bool(found.status == health_pb2.HealthCheckResponse.SERVING)
