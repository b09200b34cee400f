"""The transport of what is reached at an address: HTTP, or gRPC where the address says so."""

from __future__ import annotations

from common.networks import Network
from predictions.records import MicroserviceSpec
from predictions.transports.base import Transport
from predictions.transports.grpc import GrpcTransport
from predictions.transports.http import HttpTransport


def remote_transport(
    spec: MicroserviceSpec, max_answer_bytes: int, networks: tuple[Network, ...] = ()
) -> Transport:
    """The transport that calls `spec`, within `networks` when there are any."""
    if spec.is_grpc:
        scheme, _, address = spec.origin.partition("://")
        return GrpcTransport(
            spec.name,
            address,
            max_answer_bytes=max_answer_bytes,
            networks=networks,
            is_tls=scheme == "grpcs",
        )
    return HttpTransport(
        spec.name,
        spec.origin,
        max_connections=spec.concurrency_limit,
        max_answer_bytes=max_answer_bytes,
        networks=networks,
    )
