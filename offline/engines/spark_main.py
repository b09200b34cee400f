"""What spark-submit runs: one job, told by words, its store by the environment; the result is JSON on stdout.

It needs neither Django nor a database, only this package, `pipelines` and `common` (see `packing`).
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from common.errors import SeldonError
from offline.engines.spark import use_submitted_context
from offline.jobs import load_job
from offline.jobs.base import JobInput
from pipelines.days import day_number
from pipelines.errors import PipelineError


class LineContext:
    """Tells progress and log as lines on stderr, as far as they are news."""

    def __init__(self) -> None:
        self._told = -1

    def report(self, done: int, total: int, note: str = "") -> None:
        share = 100 * done // total if total else 100
        if share != self._told:
            self._told = share
            self.log(f"{note} {share} %")

    def log(self, line: str) -> None:
        sys.stderr.write(f"{line}\n")


def main(words: list[str]) -> int:
    """Run the job; 1 and a sentence when it fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job")
    parser.add_argument("--day", required=True)
    parser.add_argument("--parameters", default="{}")
    told = parser.parse_args(words)
    try:
        result = run(told.job, told.day, json.loads(told.parameters))
    except (SeldonError, PipelineError, ValueError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


def run(name: str, day: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """What the job returns, on Spark unless its parameters say otherwise."""
    job = load_job(name)
    given = job.check_parameters({"engine": "spark", **parameters})
    context = LineContext()
    if given["engine"] == "spark":
        context.log(f"Spark at {use_submitted_context()}")
    return dict(job.run(JobInput(None, day_number(day), given), context))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
