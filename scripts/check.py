"""`make check`: everything about the code that can be told without running the product."""

from __future__ import annotations

import sys
import tempfile

from scripts.steps import run_step, sum_up


def main() -> int:
    """Run every check, also after one failed; the exit code is 1 when one did."""
    with tempfile.TemporaryDirectory() as data:
        # As it would run where strangers reach it; the findings are about code, not about this machine.
        deployed = {
            "SELDON_DATA": data,
            "DATABASE_URL": "",
            "SELDON_TLS": "1",
            "ALLOWED_HOSTS": "example.org",
        }
        return sum_up(
            [
                run_step("format", ["ruff", "format", "--check", "--quiet", "."]),
                run_step("lint", ["ruff", "check", "--quiet", "."]),
                run_step("types", ["mypy", "."]),
                run_step("imports", ["lint-imports"]),
                run_step(
                    "migrations", ["python", "manage.py", "makemigrations", "--check", "--dry-run"], deployed
                ),
                run_step(
                    "settings",
                    ["python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
                    deployed,
                ),
            ]
        )


if __name__ == "__main__":
    sys.exit(main())
