"""Tiny programs to supervise, and a supervisor to do it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.backoff import Pace
from deploy.process import PartSpec
from deploy.status import PartStatus
from deploy.supervision import Supervisor
from deploy.waiting import wait_until

QUICK = Pace(first_seconds=0.02, longest_seconds=0.1, stable_seconds=30)
SLEEP = "import time; time.sleep(600)"
FAIL = "raise SystemExit(3)"


def part(name: str, program: str, **options: Any) -> PartSpec:
    """A part that runs a Python `program`."""
    return PartSpec(name, "test", (sys.executable, "-I", "-S", "-c", program), **options)


def marking(program: str, mark: Path, line: str) -> str:
    """`program` that first ignores nothing and on SIGTERM appends `line` to the file `mark`, then ends."""
    return (
        "import signal, sys, time\n"
        "def end(*_):\n"
        f"    open({str(mark)!r}, 'a').write({line + chr(10)!r})\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        f"open({str(mark) + '.' + line!r}, 'w')\n" + program
    )


@dataclass
class Watched:
    """What a supervisor said while it ran."""

    supervisor: Supervisor
    lines: list[str]
    statuses: dict[str, PartStatus] = field(default_factory=dict)

    def until(self, claim: Callable[[], bool], seconds: float = 60) -> None:
        """Wait for `claim`; fails with what was said."""
        assert wait_until(claim, seconds), (self.lines, self.statuses)

    def is_looping(self, name: str) -> bool:
        """Whether the part keeps dying."""
        return name in self.statuses and self.statuses[name].is_crash_looping

    def last_exit(self, name: str) -> str:
        """How the part ended last."""
        return self.statuses[name].last_exit if name in self.statuses else ""

    def restarts(self, name: str) -> int:
        """How often the part was started again."""
        return self.statuses[name].restarts if name in self.statuses else 0

    def pid(self, name: str) -> int:
        """Process of the part, once it runs."""
        self.until(lambda: name in self.statuses and self.statuses[name].pid is not None)
        pid = self.statuses[name].pid
        assert pid is not None
        return pid


def supervise(
    specs: Iterable[PartSpec],
    drive: Callable[[Watched], None],
    pace: Pace = QUICK,
    left: Iterable[PartStatus] = (),
) -> Watched:
    """Run `specs` while `drive` acts in a thread, then stop; raises what `drive` raised.

    `left` is what a killed supervisor left running.
    """
    lines: list[str] = []
    failures: list[BaseException] = []

    def note(statuses: list[PartStatus]) -> None:
        watched.statuses = {status.name: status for status in statuses}

    def act() -> None:
        try:
            drive(watched)
        except BaseException as error:  # noqa: BLE001 (raised again below)
            failures.append(error)
        finally:
            supervisor.ask_to_stop()

    supervisor = Supervisor(lines.append, note, pace)
    watched = Watched(supervisor, lines)
    supervisor.take_over(left)
    supervisor.want(specs)
    driver = threading.Thread(target=act)
    driver.start()
    supervisor.run()
    driver.join()
    if failures:
        raise failures[0]
    return watched
