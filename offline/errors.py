"""What can go wrong with jobs and their runs."""

from __future__ import annotations

from collections.abc import Iterable

from common.errors import ConflictError, InvalidInputError, UnavailableError, UnprocessableError


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


class EngineFailedError(UnavailableError):
    """What runs a job's function over many files failed."""

    code = "engine_failed"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The engine failed: {reason}.")


class StoreUnusableError(UnavailableError):
    """The store of files cannot be used, or failed."""

    code = "store_unusable"


class TooManyBadLinesError(UnprocessableError):
    """More lines of a day are no events than is allowed; the good ones were split all the same."""

    code = "too_many_bad_lines"

    def __init__(self, *, bad: int, lines: int, allowed: float, place: str) -> None:
        super().__init__(
            f"{bad} of {lines} lines are bad ({bad / lines:.2%}), allowed are {allowed:.2%} (max_bad_share). "
            f"The good ones were split; the bad ones lie in {place}/.",
            bad=bad,
            lines=lines,
        )
