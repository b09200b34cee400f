"""How often one caller may use the management API in one worker."""

from __future__ import annotations

import threading
from typing import Any, Final

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from clients.manage.actors import Actor
from common import clock

_CALLERS_REMEMBERED: Final = 10_000


class CallerThrottle(BaseThrottle):
    """A bucket per caller that fills by MANAGE_REQUESTS_PER_SECOND and holds two seconds' worth."""

    _lock: Final = threading.Lock()
    _buckets: Final[dict[str, tuple[float, float]]] = {}
    _wait_seconds = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        rate = settings.MANAGE_REQUESTS_PER_SECOND
        if not rate or not isinstance(request.user, Actor):
            return True
        with self._lock:
            left = self._left(request.user.name, rate)
            self._buckets[request.user.name] = (left - 1 if left >= 1 else left, clock.monotonic())
        self._wait_seconds = max(0.0, (1 - left) / rate)
        return left >= 1

    def wait(self) -> float:
        return self._wait_seconds

    def _left(self, name: str, rate: float) -> float:
        known = self._buckets.pop(name, None)
        if len(self._buckets) >= _CALLERS_REMEMBERED:
            # The one that was longest away; a bucket that is forgotten is full again.
            del self._buckets[next(iter(self._buckets))]
        if known is None:
            return 2.0 * rate
        left, at = known
        return min(2.0 * rate, left + (clock.monotonic() - at) * rate)
