"""`make test`: the whole suite on SQLite, and again on a PostgreSQL that is started for it.

Arguments are handed to pytest: `python -m scripts.test tests/deploy -x`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from scripts.steps import Outcome, run_step, say, sum_up
from tests.servers import postgresql

_UNSET: Final = {"SELDON_PORT": "", "SELDON_WORKERS": "", "SELDON_WORKER": "", "REDIS_URL": ""}


def main(arguments: list[str]) -> int:
    """Run both; the exit code is 1 when one failed."""
    outcomes = [run_suite("tests on SQLite", "", arguments)]
    with tempfile.TemporaryDirectory(prefix="seldon-postgresql-") as folder, postgresql(Path(folder)) as url:
        say(f"\nPostgreSQL for the tests: {url}")
        outcomes.append(run_suite("tests on PostgreSQL", url, arguments))
    return sum_up(outcomes)


def run_suite(name: str, database_url: str, arguments: list[str]) -> Outcome:
    """pytest in random order (its seed is printed); warnings are errors by pyproject.toml."""
    # Tests take from a millisecond to half a minute, so an idle process takes over what another still has.
    command = ["pytest", "-q", "-n", "2", "--dist", "worksteal", *arguments]
    with tempfile.TemporaryDirectory(prefix="seldon-tests-") as data:
        # What a developer has set for their own installation would make it another suite.
        return run_step(name, command, {"DATABASE_URL": database_url, "SELDON_DATA": data, **_UNSET})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
