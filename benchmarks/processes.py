"""What the kernel says of processes: CPU time, memory, and what everybody together used."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """CPU time a process and its threads have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def children_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Watch:
    """Tells, after its block, the share of all cores that neither this process nor its children used.

    Children count once they have ended.
    """

    others = 0.0

    def __enter__(self) -> Self:
        self._busy, self._own, self._at = busy_seconds(), children_seconds(), time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        others = busy_seconds() - self._busy - (children_seconds() - self._own)
        self.others = max(0.0, others) / ((time.monotonic() - self._at) * (os.cpu_count() or 1))


def busy_seconds() -> float:
    """CPU time that all processes of the machine have used, and what its host took away.

    Interrupts are left out: on loopback they are our own traffic.
    """
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, steal = *fields[:3], fields[7]
    return (user + nice + system + steal) / _TICKS
