"""Minutes of a deployment's traffic, for the tests that show them."""

from __future__ import annotations

from datetime import timedelta

from clients.services import NewClient
from common import clock
from common.metrics import LATENCY_BOUNDS
from predictions.models import GraphMinute


def add_calls(
    new: NewClient,
    predictor: str = "main",
    units: tuple[str, ...] = ("", "classifier"),
    routes: dict[str, dict[str, int]] | None = None,
    minutes_ago: int = 0,
) -> None:
    """Ten calls of each unit, one of which failed, all within 10 ms."""
    counts = [1, *[0] * (len(LATENCY_BOUNDS) + 1)]
    counts[1 + LATENCY_BOUNDS.index(0.01)] = 10
    GraphMinute.objects.create(
        client=new.client,
        deployment="iris",
        predictor=predictor,
        minute=clock.now().replace(second=0, microsecond=0) - timedelta(minutes=minutes_ago),
        writer=1,
        units=dict.fromkeys(units, counts),
        routes=routes or {},
    )
