"""`make test`: the whole suite on SQLite, and again on a PostgreSQL that is started for it.

Arguments are handed to pytest: `python -m scripts.test tests/deploy -x`.

Hundreds of tests start real processes and wait for them, and a machine that stands still for seconds can fail
any of them. So the few that failed are tried again, alone and three times: one failure more is a failure, and
what passed all three is named all the same, because a race that shows itself once in a thousand runs is one.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from scripts.steps import Outcome, run_step, say, sum_up
from tests.servers import postgresql

# More than these are no accident of the machine.
_MOST_AGAIN: Final = 3
_UNSET: Final = {"SELDON_PORT": "", "SELDON_WORKERS": "", "SELDON_WORKER": "", "REDIS_URL": ""}


def main(arguments: list[str]) -> int:
    """Run both; the exit code is 1 when one failed."""
    outcomes = run_suite("tests on SQLite", "", arguments)
    with tempfile.TemporaryDirectory(prefix="seldon-postgresql-") as folder, postgresql(Path(folder)) as url:
        say(f"\nPostgreSQL for the tests: {url}")
        outcomes += run_suite("tests on PostgreSQL", url, arguments)
    return sum_up(outcomes)


def run_suite(name: str, database_url: str, arguments: list[str]) -> list[Outcome]:
    """pytest in random order (its seed is printed); warnings are errors by pyproject.toml."""
    with tempfile.TemporaryDirectory(prefix="seldon-tests-") as data:
        # What a developer has set for their own installation would make it another suite.
        variables = {"DATABASE_URL": database_url, "SELDON_DATA": data, **_UNSET}
        cache = Path(data) / "pytest-cache"
        quiet = ["pytest", "-q", "-o", f"cache_dir={cache}"]
        # Tests take from a millisecond to half a minute, so an idle process takes over what another has.
        outcome = run_step(name, [*quiet, "-n", "2", "--dist", "worksteal", *arguments], variables)
        failed = failed_tests(cache)
        if outcome.code != pytest.ExitCode.TESTS_FAILED or not 0 < len(failed) <= _MOST_AGAIN:
            return [outcome]
        again = [
            run_step(f"{name}: again, alone ({n} of 3)", [*quiet, *failed], variables) for n in (1, 2, 3)
        ]
    said = f"{name}: {len(failed)} failed, and were tried again alone: {', '.join(failed)}"
    return [replace(outcome, name=said, code=0), *again]


def failed_tests(cache: Path) -> list[str]:
    """The ids of the tests of which the last run kept in this folder says that they failed."""
    path = cache / "v/cache/lastfailed"
    return sorted(json.loads(path.read_text())) if path.exists() else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
