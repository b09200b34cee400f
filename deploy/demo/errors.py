"""What can go wrong in the demonstration."""

from __future__ import annotations

from pathlib import Path

from common.errors import InternalError, UnavailableError


class DemoCallError(InternalError):
    """A call that should have worked was refused."""

    code = "demo_call_failed"

    def __init__(self, what: str, answer: str) -> None:
        super().__init__(f"{what}: {answer}")


class DemoTrainingError(InternalError):
    """The models could not be trained."""

    code = "demo_training_failed"

    def __init__(self, output: str) -> None:
        last = output.strip().splitlines()[-1:] or ["nothing was said"]
        super().__init__(f"the iris models could not be trained: {last[0]}")


class DemoTooSlowError(UnavailableError):
    """Something did not start in time."""

    code = "demo_too_slow"

    def __init__(self, what: str, log: Path) -> None:
        super().__init__(f"{what} did not answer in time; see {log}")
