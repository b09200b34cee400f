"""The jobs by name: name -> "module:attribute", imported on first use."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from offline.errors import JobUnknownError
from offline.jobs.base import Job, JobContext, JobInput

__all__ = ["JOBS", "Job", "JobContext", "JobInput", "job_at", "load_job"]

JOBS: Final[dict[str, str]] = {
    "group_actions": "offline.jobs.group_actions:JOB",
    "split_events": "offline.jobs.split_events:JOB",
    "sweep_runs": "offline.housekeeping:JOB",
}


def load_job(name: str) -> Job:
    """The job called `name`; JobUnknownError tells the known ones when there is none."""
    if name not in JOBS:
        raise JobUnknownError(name, JOBS)
    return job_at(JOBS[name])


def job_at(path: str) -> Job:
    """The job at `module:attribute`."""
    module, _, attribute = path.partition(":")
    found = getattr(import_module(module), attribute)
    assert isinstance(found, Job), f"{path} is not a Job"
    return found
