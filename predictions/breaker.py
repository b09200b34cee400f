"""The circuit breaker: stops calling what fails repeatedly, and probes it one call at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

State = Literal["closed", "open", "half-open"]

FAILURES_TO_OPEN: Final = 5
FIRST_REST_SECONDS: Final = 1.0
LONGEST_REST_SECONDS: Final = 30.0


class Breaker:
    """Closed until `FAILURES_TO_OPEN` failures in a row; then open, with one probe after each rest.

    The rest doubles with each failed probe, up to `LONGEST_REST_SECONDS`; one success closes it.
    """

    __slots__ = ("_clock", "_failures", "_probing", "_rest", "_retry_at", "state")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures = 0
        self._probing = False
        self._rest = FIRST_REST_SECONDS
        self._retry_at = 0.0
        self.state: State = "closed"

    def try_enter(self) -> bool:
        """Whether a call may be made now; True of a resting breaker makes the call its probe."""
        if self.state == "closed":
            return True
        if self._probing or self._clock() < self._retry_at:
            return False
        self.state, self._probing = "half-open", True
        return True

    def resting_seconds(self) -> float:
        """Seconds until the next probe may be made."""
        return max(0.0, self._retry_at - self._clock()) if self.state != "closed" else 0.0

    def note_success(self) -> None:
        """The call was answered: calls are allowed, failures are forgotten."""
        self._failures = 0
        if self.state != "closed":
            self.state, self._probing, self._rest = "closed", False, FIRST_REST_SECONDS

    def note_failure(self) -> None:
        """The call failed for a reason that is the microservice's own."""
        self._failures += 1
        if self.state == "half-open":
            self._open(min(self._rest * 2, LONGEST_REST_SECONDS))
        elif self.state == "closed" and self._failures >= FAILURES_TO_OPEN:
            self._open(FIRST_REST_SECONDS)

    def note_abandoned(self) -> None:
        """The caller went away before there was an outcome; a probe may be made again at once."""
        if self._probing:
            self.state, self._probing = "open", False

    def _open(self, rest_seconds: float) -> None:
        self.state, self._probing, self._rest = "open", False, rest_seconds
        self._retry_at = self._clock() + rest_seconds
