"""`python -m benchmarks`: every script in a process of its own, in bounded time, then one table."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from benchmarks.rows import DEFAULT_SECONDS, Measured, end_when_told, has_results, read_results
from benchmarks.servers import ROOT
from benchmarks.table import as_json, show, write_readme

# Each with the most seconds it may take; all of them together may take ALL_SECONDS.
SCRIPTS = {
    "events": 160,
    "shipping": 100,
    "splitting": 300,
    "drf": 130,
    "gateway": 140,
    "graphs": 180,
    "credentials": 60,
    "clients": 110,
    "isolation": 170,
    "sharing": 150,
    "wrapper": 480,
    "start": 60,
    "help": 20,
}

ALL_SECONDS = 1560.0


def run(name: str, seconds: float, limit: float) -> str:
    """Run one script; why it failed, or nothing."""
    sys.stderr.write(f"measuring {name} …\n")
    command = [sys.executable, "-m", f"benchmarks.{name}", str(seconds)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=sys.stderr)
    try:
        status = process.wait(limit)
    except subprocess.TimeoutExpired:
        return f"not done within {limit:.0f} s"
    finally:
        # Also when we are stopped ourselves: a script ends its servers and removes its data.
        process.terminate()
        process.wait(30)
    return "" if status == 0 else f"ended with {status}; what it printed says why"


def measure(names: list[str], seconds: float) -> tuple[dict[str, Measured], dict[str, str]]:
    """What each script found, and why those that failed did."""
    measured, failed = {}, {}
    end = time.monotonic() + ALL_SECONDS
    for name in names:
        if reason := run(name, seconds, min(SCRIPTS[name], max(0.0, end - time.monotonic()))):
            failed[name] = reason
        else:
            measured[name] = read_results(name)
    return measured, failed


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help=f"some of {', '.join(SCRIPTS)}, separated by commas")
    parser.add_argument("--seconds", type=float, default=DEFAULT_SECONDS, help="length of one run")
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    given = parser.parse_args()
    given.names = [name for name in given.only.split(",") if name] or list(SCRIPTS)
    if unknown := set(given.names) - set(SCRIPTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(SCRIPTS)}")
    return given


def _kept_of(names: set[str]) -> dict[str, Measured]:
    """What scripts that did not run this time found last time."""
    return {name: read_results(name) for name in SCRIPTS if name in names and has_results(name)}


def main() -> int:
    """Measure, show, keep; 1 when something could not be measured."""
    given, started = parse(), time.monotonic()
    end_when_told()
    measured, failed = measure(given.names, given.seconds)
    if given.json:
        print(as_json(measured, failed))
    else:
        show(measured, failed)
    if given.write:
        known = {**_kept_of(set(SCRIPTS) - set(given.names)), **measured}
        write_readme({name: known[name] for name in SCRIPTS if name in known}, failed)
    sys.stderr.write(f"took {time.monotonic() - started:.0f} s\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
