"""What can go wrong with jobs and their runs."""

from __future__ import annotations

from collections.abc import Iterable

from common.errors import ConflictError, InvalidInputError


class JobUnknownError(InvalidInputError):
    """There is no job of that name."""

    code = "job_unknown"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no job {name!r}; known: {', '.join(sorted(known))}.", job=name)


class JobParametersError(InvalidInputError):
    """A parameter of a job cannot be used; `data["place"]` is its JSON pointer."""

    code = "job_parameters"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"parameters{place}: {reason}", place=f"/parameters{place}", reason=reason)


class RunCancelledError(ConflictError):
    """The run may go on no longer: it was cancelled, took too long, or another worker has it now."""

    code = "run_cancelled"

    def __init__(self, reason: str = "it was cancelled") -> None:
        super().__init__(f"The run must end: {reason}.")
