"""Whether something serves over gRPC: by the standard health service, or by v2's own word."""

from __future__ import annotations

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from common import clock
from microservice.protocol import inference_pb2, inference_pb2_grpc

_UNIMPLEMENTED = grpc.StatusCode.UNIMPLEMENTED


def serves(address: str, timeout_seconds: float = 2.0) -> bool:
    """True when the server at `address` says that it serves, or answers that it has no health service."""
    with _open(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            found = stub.Check(health_pb2.HealthCheckRequest(), timeout=timeout_seconds)
        except grpc.RpcError as error:
            return bool(error.code() is _UNIMPLEMENTED)
    return bool(found.status == health_pb2.HealthCheckResponse.SERVING)


def why_not_ready(address: str, timeout_seconds: float) -> str:
    """Why the server of v2 at `address` is not ready, empty when it is; within the timeout.

    One without `ServerReady` is asked by the standard health service.
    """
    until = clock.monotonic() + timeout_seconds
    with _open(address) as channel:
        try:
            return _ask_v2(channel, timeout_seconds)
        except grpc.RpcError as error:
            if error.code() is not _UNIMPLEMENTED:
                return _words(error)
        try:
            return _ask_health(channel, max(0.001, until - clock.monotonic()))
        except grpc.RpcError as error:
            return _words(error)


def _open(address: str) -> grpc.Channel:
    return grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])


def _ask_v2(channel: grpc.Channel, timeout_seconds: float) -> str:
    stub = inference_pb2_grpc.GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]
    found = stub.ServerReady(inference_pb2.ServerReadyRequest(), timeout=timeout_seconds)
    return "" if found.ready else "ServerReady says that it is not ready"


def _ask_health(channel: grpc.Channel, timeout_seconds: float) -> str:
    stub = health_pb2_grpc.HealthStub(channel)
    found = stub.Check(health_pb2.HealthCheckRequest(), timeout=timeout_seconds)
    is_serving = found.status == health_pb2.HealthCheckResponse.SERVING
    return "" if is_serving else "its health service says that it does not serve"


def _words(error: grpc.RpcError) -> str:
    if error.code() is _UNIMPLEMENTED:
        return "it has neither ServerReady of v2 nor the standard health service: give it a readinessProbe"
    return f"{error.code().name} {error.details() or ''}".strip()
