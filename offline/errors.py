"""What can go wrong with jobs and their runs."""

from __future__ import annotations

from collections.abc import Iterable

from common.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)


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


class TooManyBadLinesError(InvalidInputError):
    """More lines of a day are no events than is allowed; the good ones were split all the same."""

    code = "too_many_bad_lines"

    def __init__(self, *, bad: int, lines: int, allowed: float, place: str) -> None:
        super().__init__(
            f"{bad} of {lines} lines are bad ({bad / lines:.2%}), allowed are {allowed:.2%} (max_bad_share). "
            f"The good ones were split; the bad ones lie in {place}/.",
            bad=bad,
            lines=lines,
        )


class RunInvalidError(InvalidInputError):
    """A run cannot be as it was asked for; `data["place"]` names the field."""

    code = "run_invalid"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}", place=f"/{field}", reason=reason)


class RunMissingError(NotFoundError):
    """There is no such run, or it is another client's."""

    code = "run_missing"

    def __init__(self, run: int) -> None:
        super().__init__(f"There is no run {run}.", run=run)


class RunUnderWayError(ConflictError):
    """The same job of the same client and day is waiting or running; `data["run"]` is its number."""

    code = "run_under_way"

    def __init__(self, job: str, whose: str, day: str, run: int) -> None:
        super().__init__(
            f"{job} of {whose} for {day} is under way already as run {run}: wait for it or cancel it first.",
            run=run,
        )


class RunFinishedError(ConflictError):
    """The run has ended, so that it cannot be cancelled."""

    code = "run_finished"

    def __init__(self, run: int, state: str) -> None:
        super().__init__(f"Run {run} has ended already ({state}).", run=run, state=state)


class RunNotFinishedError(ConflictError):
    """Only a run that has ended can be started again."""

    code = "run_not_finished"

    def __init__(self, run: int, state: str) -> None:
        super().__init__(
            f"Run {run} is {state}; only one that has ended can be retried.", run=run, state=state
        )


class BrokerAwayError(UnavailableError):
    """The broker of runs cannot be reached; runs wait in the database meanwhile."""

    code = "broker_away"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The broker of runs cannot be reached: {reason}.")
