"""Seldon Core 0.2's OAuth gateway: where the key of a deployment calls it, and the gateway's own metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import orjson

from common import clock
from common.errors import SeldonError
from common.metrics import Counter, Histogram
from lane.reply import Reply
from lane.request import Request
from predictions.endpoints import PredictionEndpoints
from predictions.forms import read_form_body

_DEPLOYMENT: Final = ("namespace", "deployment_name")
SECONDS: Final = Histogram(
    "seldon_api_ingress_server_requests_seconds",
    "Time that a deployment takes to answer callers of the OAuth gateway.",
    (*_DEPLOYMENT, "service", "method", "code"),
)
FEEDBACK: Final = Counter(
    "seldon_api_ingress_server_feedback", "Feedback that came in by the OAuth gateway.", _DEPLOYMENT
)
REWARD: Final = Counter(
    "seldon_api_ingress_server_feedback_reward", "The sum of its rewards above 0.", _DEPLOYMENT
)


class GatewayEndpoints:
    """The gateway's two paths; to callers without a deployment's key they are Seldon Core's as any."""

    def __init__(self, does: PredictionEndpoints) -> None:
        self._does = does

    async def predictions(self, request: Request) -> Reply:
        """`POST /api/v0.1/predictions`."""
        return await _timed(request, self._does.predictions, "predictions")

    async def feedback(self, request: Request) -> Reply:
        """`POST /api/v0.1/feedback`: answered with nothing to who has a deployment's key."""
        reply = await _timed(request, self._does.feedback, "feedback")
        if not request.caller.deployment or reply.status != 200:
            return reply
        place = (request.client, request.caller.deployment)
        FEEDBACK.add(place)
        reward = orjson.loads(read_form_body(request)).get("reward")
        if isinstance(reward, int | float) and reward > 0:
            REWARD.add(place, reward)
        return Reply()


async def _timed(request: Request, endpoint: Callable[[Request], Awaitable[Reply]], service: str) -> Reply:
    if not request.caller.deployment:
        return await endpoint(request)
    started, code = clock.perf_counter(), "500"
    try:
        reply = await endpoint(request)
        code = str(reply.status)
    except SeldonError as error:
        code = str(error.status)
        raise
    finally:
        labels = (request.client, request.caller.deployment, service, "post", code)
        SECONDS.observe(clock.perf_counter() - started, labels)
    return reply
