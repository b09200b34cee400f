"""A process that another supervisor started: watched and signalled by its number, since it is no child."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Final

from deploy.status import PartStatus, lives
from deploy.waiting import wait_until

# The code with which a process ended is told to its parent alone.
UNKNOWN_CODE: Final = 256
_END_SECONDS: Final = 5.0


class Orphan:
    """The part of a `subprocess.Popen` that a supervisor uses."""

    def __init__(self, pid: int, ticks: int) -> None:
        self.pid = pid
        self.returncode = UNKNOWN_CODE
        self._ticks = ticks

    def poll(self) -> int | None:
        """None while it lives."""
        return None if lives(self.pid, self._ticks) else self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Send it `number`, unless it has ended."""
        if lives(self.pid, self._ticks):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, number)


def end_orphan(part: PartStatus) -> None:
    """Kill the process of `part` and whatever it started, and wait until it is gone."""
    pid, ticks = part.pid, part.ticks
    if pid is None or not lives(pid, ticks):
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    wait_until(lambda: not lives(pid, ticks), _END_SECONDS)
