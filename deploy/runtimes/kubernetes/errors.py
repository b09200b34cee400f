"""Why a cluster did not do what it was asked."""

from __future__ import annotations

from common.errors import UnavailableError, UpstreamError


class ClusterRefusedError(UpstreamError):
    """The API server answered, and refused."""

    code = "cluster_refused"

    def __init__(self, what: str, http_status: int, reason: str) -> None:
        super().__init__(f"Kubernetes refused to {what}: {reason}", http_status=http_status)
        self.http_status = http_status


class ClusterUnreachableError(UnavailableError):
    """No API server answers, or nothing says where it is."""

    code = "cluster_unreachable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the Kubernetes API cannot be reached: {reason}")
