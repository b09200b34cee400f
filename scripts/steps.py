"""Steps that run one after another, each under a heading, with a summary at the end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seldon_api.env import child_environment

ROOT: Final = Path(__file__).resolve().parent.parent
# So that `ruff`, `mypy` … are those of our environment, whether or not it is activated.
BIN: Final = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one step."""

    name: str
    code: int
    seconds: float


def run_step(name: str, command: Sequence[str], variables: Mapping[str, str] | None = None) -> Outcome:
    """Run `command`, a program of our environment, in the project's folder."""
    say(f"\n== {name}")
    started = time.perf_counter()
    words = [str(BIN / command[0]), *command[1:]]
    code = subprocess.run(words, cwd=ROOT, env=child_environment(**(variables or {})), check=False).returncode
    return Outcome(name, code, time.perf_counter() - started)


def sum_up(outcomes: Sequence[Outcome]) -> int:
    """Tell how each step went; the exit code is 1 when one failed."""
    say("")
    for outcome in outcomes:
        say(f"{'ok    ' if outcome.code == 0 else 'FAILED'}  {outcome.seconds:6.1f} s  {outcome.name}")
    return int(any(outcome.code for outcome in outcomes))


def say(line: str) -> None:
    """One line, at once, so that headings stand above what the steps print."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
