"""How much a client may send: requests a second and body bytes per surface, events a day.

A client without quotas pays one dictionary look-up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Protocol

from clients.errors import DailyEventsExceededError, RateExceededError
from clients.records import NEVER, SURFACES, Caller, Limits
from common import clock
from lane.request import Request

logger = logging.getLogger(__name__)

_SECOND_NS: Final = 1_000_000_000
_DAY_SECONDS: Final = 86_400
_SURFACE_INDEX: Final = {surface: index for index, surface in enumerate(SURFACES)}


class QuotaCounts(Protocol):
    """Counts per client that all workers share."""

    def recent(self, client_id: int, surface: int, second: int) -> tuple[int, int]:
        """Requests in the second before `second`, and in `second` so far."""

    def add_request(self, client_id: int, surface: int, second: int) -> None:
        """Count one request in `second`."""

    def events_of(self, client_id: int, day: int) -> int:
        """Events of the day number `day`."""

    def add_events(self, client_id: int, day: int, events: int) -> None:
        """Count events of the day number `day`."""


class QuotaKeeper:
    """Refuses what is over a quota and counts what is not.

    The rate is that of a sliding second: the present second's requests plus the share of the last
    second's that still lies within one second. What is refused does not count.
    """

    def __init__(
        self, counts: QuotaCounts, unix_nanoseconds: Callable[[], int] = clock.unix_nanoseconds
    ) -> None:
        self._counts = counts
        self._now = unix_nanoseconds
        self._warned_minute = 0

    def admit(self, request: Request) -> None:
        """Count a request, lower its `max_body_bytes`; raises a leaf of QuotaExceededError."""
        caller: Caller = request.caller
        if not caller.quotas:
            return
        surface = request.route.surface
        limits = caller.quotas.get(surface)
        if limits is None:
            return
        if limits.max_body_bytes < request.max_body_bytes:
            request.max_body_bytes = int(limits.max_body_bytes)
        try:
            self._check(caller, surface, limits)
        except OSError as error:
            self._warn_of_disk(error)

    def _check(self, caller: Caller, surface: str, limits: Limits) -> None:
        if limits.events_per_day != NEVER:
            self._check_day(caller, limits, 1)
        if limits.requests_per_second != NEVER:
            self.check_rate(caller, surface, limits.requests_per_second)

    def _warn_of_disk(self, error: OSError) -> None:
        # A model's callers are let in uncounted rather than kept out by a disk that others filled.
        minute = self._seconds() // 60
        if minute != self._warned_minute:
            self._warned_minute = minute
            logger.warning("quotas cannot be counted: %s", error)

    def check_rate(self, caller: Caller, surface: str, limit: float) -> None:
        """Count one request; RateExceededError when it is one too many in this second."""
        index = _SURFACE_INDEX.get(surface, _SURFACE_INDEX["other"])
        second, nanoseconds = divmod(self._now(), _SECOND_NS)
        before, current = self._counts.recent(caller.client_id, index, second)
        gone = nanoseconds / _SECOND_NS
        if before * (1 - gone) + current + 1 > limit:
            raise RateExceededError(surface, limit, seconds_until_room(limit, before, current, gone))
        self._counts.add_request(caller.client_id, index, second)

    def charge_events(self, caller: Caller, events: int) -> None:
        """Count `events` about to be accepted; DailyEventsExceededError, counting none, when over the day's.

        For the events pipeline, once it knows how many there are.
        """
        limits = caller.quotas.get("events") if caller.quotas else None
        if limits is None or limits.events_per_day == NEVER:
            return
        try:
            self._check_day(caller, limits, events)
            self._counts.add_events(caller.client_id, self._seconds() // _DAY_SECONDS, events)
        except OSError as error:
            self._warn_of_disk(error)

    def _check_day(self, caller: Caller, limits: Limits, events: int) -> None:
        day, gone_seconds = divmod(self._seconds(), _DAY_SECONDS)
        if self._counts.events_of(caller.client_id, day) + events > limits.events_per_day:
            raise DailyEventsExceededError(int(limits.events_per_day), _DAY_SECONDS - gone_seconds)

    def _seconds(self) -> int:
        return self._now() // _SECOND_NS


def seconds_until_room(limit: float, before: int, current: int, gone: float) -> float:
    """How long until one more request fits, if nobody else sends any.

    `before` and `current` are the last and the present second's requests, `gone` the part of the present
    second that has passed (0…1). Within this second the last one's share shrinks; if that is not
    enough, the present one's share must shrink in the next.
    """
    if current + 1 <= limit:
        return max(0.0, 1 - (limit - current - 1) / before - gone)
    return max(0.0, 1 - gone + 1 - (limit - 1) / current)
