"""What a job is: a function of a client, a day and parameters. It knows no Django, no queue, no process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

import msgspec

from offline.errors import JobParametersError

Parameters = Mapping[str, Any]
T = TypeVar("T", bound=msgspec.Struct)

_HOUR_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class JobInput:
    """What a job is given. `client` is a name, None for the whole installation; `day` a Unix epoch day (UTC).

    `parameters` are what the job's `check_parameters` returned.
    """

    client: str | None
    day: int
    parameters: Parameters = field(default_factory=dict)


class JobContext(Protocol):
    """How a job tells of itself while it works."""

    def report(self, done: int, total: int, note: str = "") -> None:
        """Tell that `done` of `total` is done; raises RunCancelledError when the job must end.

        Call it often, at least once a second where that is possible; it costs next to nothing.
        """

    def log(self, line: str) -> None:
        """Add a line to the run's log. What the job prints is added too."""


def no_parameters(given: Parameters) -> Parameters:
    """For jobs that have none."""
    for name in given:
        raise JobParametersError(f"/{name}", "this job has no parameters")
    return {}


@dataclass(frozen=True, slots=True)
class Job:
    """Code that runs in the background. The same input gives the same output, however often it runs.

    A run may be killed at any moment and is then run again, so output must be published whole (written
    aside and renamed) and replace what an earlier attempt left.
    """

    name: str
    # One line for lists.
    summary: str
    # Returns a result that is JSON. Raises a SeldonError to say what is wrong in words.
    run: Callable[[JobInput, JobContext], Mapping[str, Any]]
    # Returns the parameters with their defaults; raises JobParametersError. See `parameters_as`.
    check_parameters: Callable[[Parameters], Parameters] = no_parameters
    # Whether each run is of one client. A job that is not runs for the whole installation (client None).
    is_per_client: bool = True
    # After this long an attempt is ended and counts as failed.
    timeout_seconds: float = 6 * _HOUR_SECONDS
    # What an attempt of a heavy job and its processes may take together; None limits nothing.
    memory_bytes: int | None = None
    # In a process of its own, which can be limited and killed. Others share the worker's process: for
    # work of seconds that calls `report` often.
    is_heavy: bool = True
    # Whether its process needs Django's apps (models, configuration documents), which costs 50 MB and a
    # second of CPU. Settings (`django.conf.settings`) are there in any case.
    uses_database: bool = False
    # How often it is tried when it fails; between two attempts `retry_seconds`, doubled each time.
    max_attempts: int = 3
    retry_seconds: float = 30.0
    # Whether a client's own key may start it; otherwise only operators and schedules.
    is_open_to_clients: bool = False


def parameters_as(form: type[T]) -> Callable[[Parameters], Parameters]:
    """A `check_parameters` that holds them to a msgspec.Struct, whose defaults it fills in."""

    def check(given: Parameters) -> Parameters:
        fields = msgspec.structs.fields(form)
        known = [found.encode_name for found in fields]
        for name in given:
            if name not in known:
                raise JobParametersError(f"/{name}", f"there is no such parameter; known: {', '.join(known)}")
        try:
            filled: Parameters = msgspec.to_builtins(msgspec.convert(dict(given), form))
        except msgspec.ValidationError as error:
            reason, _, place = str(error).partition(" - at `$.")
            raise JobParametersError(_pointer(place), reason) from error
        return filled

    return check


def _pointer(place: str) -> str:
    """`a.b[0]` as /a/b/0; empty for the whole."""
    words = place.rstrip("`").replace("[", ".").replace("]", "").split(".")
    return "".join(f"/{word}" for word in words if word)
