"""What carries out one attempt: a process of its own, or a thread of the worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from offline.jobs.base import JobInput
from offline.records import Ending


@dataclass(frozen=True, slots=True)
class Work:
    """What to do. `path` is the job's `module:attribute`; `label` names run and attempt in log lines."""

    path: str
    given: JobInput
    label: str
    memory_bytes: int | None
    uses_database: bool


class Executor(Protocol):
    """Made with its Work, its Journal and the end of the lease, it has begun; used by one thread."""

    def wait(self, seconds: float) -> Ending | None:
        """How it ended; None when it has not after `seconds`. Meanwhile the journal is filled."""

    def extend(self, lease_end: float) -> None:
        """The work may go on until then (seconds of clock.boot_seconds), even if this worker is stopped."""

    def ask_to_end(self, reason: str) -> None:
        """The job's next `report` raises RunCancelledError."""

    def kill(self) -> None:
        """End it now, with everything it started."""

    def close(self) -> None:
        """Let go of everything; nothing of it is left running."""
