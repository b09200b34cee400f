"""From what an author's code raised to what its caller is told."""

from __future__ import annotations


def describe_failure(error: BaseException) -> tuple[int, str, str]:
    """Return status, text and reason of an author's exception; seldon_core's own exceptions carry theirs."""
    status, reason = getattr(error, "status_code", None), getattr(error, "reason", None)
    if isinstance(status, int) and 400 <= status <= 599 and isinstance(reason, str):
        return status, str(getattr(error, "message", error)), reason
    return 500, str(error) or type(error).__name__, "MICROSERVICE_INTERNAL_ERROR"
