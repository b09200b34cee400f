"""The words of runs: their states, what a worker holds of one, and how one ends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Literal

from offline.errors import RunInvalidError
from offline.jobs.base import JobInput

STATES: Final = ("queued", "running", "succeeded", "failed", "cancelled")
UNDER_WAY: Final = ("queued", "running")
FINISHED: Final = ("succeeded", "failed", "cancelled")

# The last of a run's log that is kept, in characters.
LOG_CHARACTERS: Final = 65_536
RESULT_BYTES: Final = 1_048_576
# A run whose workers were lost this often in a row is given up: it may be what kills them.
MOST_LOSSES: Final = 10
DAY_SECONDS: Final = 86_400
LAST_DAY: Final = 99_999

_SECRET: Final = re.compile(r"secret|password|token|key$", re.IGNORECASE)

How = Literal["succeeded", "failed", "cancelled", "released", "lost"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that this worker has taken: `owner` and `attempt` are its right to write about it."""

    run: int
    owner: str
    attempt: int
    job: str
    given: JobInput
    failures: int
    log: str
    log_end: int
    # When the lease ends at the earliest, in seconds of clock.boot_seconds.
    lease_end: float


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended. `released`: the worker stops, another may go on; `lost`: it was taken away.

    `may_help` is whether trying a failed one again may help.
    """

    how: How
    result: Mapping[str, Any] | None = None
    error: str = ""
    code: str = ""
    may_help: bool = True


@dataclass(slots=True)
class RunFacts:
    """What log lines written on behalf of a run say of where they come from (common.logs)."""

    request_id: str
    client: str


def day_of(moment: datetime) -> int:
    """The Unix epoch day (UTC) of a moment."""
    return int(moment.timestamp()) // DAY_SECONDS


def date_of(day: int) -> date:
    """The date of a Unix epoch day."""
    return datetime.fromtimestamp(day * DAY_SECONDS, UTC).date()


def read_day(text: str) -> int:
    """A Unix epoch day from `16461`, `2015-01-26` or `20150126`; RunInvalidError when it is none."""
    if re.fullmatch(r"[0-9]{1,5}", text):
        return int(text)
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise RunInvalidError("day", f"{text!r} is neither a date like 2015-01-26 nor a Unix day") from None
    return day_of(datetime(found.year, found.month, found.day, tzinfo=UTC))


def is_secret(name: str, value: Any) -> bool:
    """Whether this is a text that is called a secret."""
    return isinstance(value, str) and bool(value) and bool(_SECRET.search(name))


def shown(parameters: Any) -> Any:
    """Parameters for people: what is called a secret is struck out."""
    if isinstance(parameters, dict):
        return {name: "***" if is_secret(name, value) else shown(value) for name, value in parameters.items()}
    return [shown(each) for each in parameters] if isinstance(parameters, list) else parameters
