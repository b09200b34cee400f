"""Minutes of traffic for the console's tests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from clients.models import Client, TrafficMinute
from common.metrics import LATENCY_BOUNDS


def add_minute(client: Client, minute: datetime, surface: str = "events", **columns: Any) -> TrafficMinute:
    """A row of `client` as one process writes it."""
    given = {"writer": 1, "requests": 1, "latency": latency(0.001, 1), **columns}
    return TrafficMinute.objects.create(client=client, minute=minute, surface=surface, **given)


def latency(seconds: float, count: int) -> list[int]:
    """`count` observations in the bucket that ends at `seconds`."""
    counts = [0] * (len(LATENCY_BOUNDS) + 1)
    counts[LATENCY_BOUNDS.index(seconds)] = count
    return counts
