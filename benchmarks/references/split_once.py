"""Our split of one day, as a program of its own."""

from __future__ import annotations

import sys

from offline.jobs import load_job
from offline.jobs.base import JobInput
from pipelines.days import day_number


class Quiet:
    """A context that tells nothing."""

    def report(self, done: int, total: int, note: str = "") -> None:
        """Nothing."""

    def log(self, line: str) -> None:
        """Nothing."""


def main(store: str, processes: str) -> None:
    """Split 21 November 2026."""
    job = load_job("split_events")
    parameters = job.check_parameters({"store": store, "processes": int(processes)})
    result = job.run(JobInput(None, day_number("20261121"), parameters), Quiet())
    print(result["kept"])


if __name__ == "__main__":
    main(*sys.argv[1:])
