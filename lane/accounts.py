"""What is kept of every call, whichever door it came through: counts, times, and why it was refused."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from common import clock
from common.errors import InternalError, QuotaExceededError, SeldonError
from common.metrics import Counter, Histogram
from common.traffic import TRAFFIC
from lane.request import Request

logger = logging.getLogger(__name__)

REQUESTS: Final = Counter(
    "seldon_requests",
    "Requests answered, over HTTP by the lane or over gRPC.",
    ("client", "surface", "route", "status"),
)
SECONDS: Final = Histogram(
    "seldon_request_seconds", "Time from the request's head to its answer.", ("client", "surface")
)

# Told of each answered request, with its status and how many seconds it took.
Observe = Callable[[Request, int, float], None]


def count_answer(request: Request, status: int, seconds: float) -> None:
    """Count `request`, which was answered with `status`."""
    client, surface = request.client, request.route.surface
    REQUESTS.add((client, surface, request.route.path, str(status)))
    SECONDS.observe(seconds, (client, surface))
    if client:
        TRAFFIC.count_request(client, surface, status, seconds)


def note_refusal(request: Request, error: SeldonError) -> None:
    """Keep that `request` was refused with `error`, and why."""
    request.error_id = error.error_id
    request.is_over_quota = isinstance(error, QuotaExceededError)
    if error.status >= 500:
        logger.warning("%s %s: %s", request.method, request.route.path, error.message)
    if not request.client:
        return
    facts: dict[str, str | int] = {
        "at": clock.unix_seconds(),
        "status": error.status,
        "code": error.code,
        "message": error.message[:300],
        "request_id": request.request_id,
    }
    TRAFFIC.note_refusal(request.client, request.route.surface, facts)
    if request.route.is_intake:
        TRAFFIC.count_rejected(request.client, request.route.surface, error.code)


def fault_of(request: Request) -> InternalError:
    """What the caller is told of a fault of ours; the traceback goes to the log alone."""
    return InternalError(f"something went wrong here; the log says more under request {request.request_id}")
