"""The duty of process 1, as in a container: let go of dead processes whose parents died before them."""

from __future__ import annotations

import os
from collections.abc import Container


def reap_orphans(own: Container[int]) -> int:
    """Let go of every dead child that is not in `own`, whose ends somebody else waits for; how many."""
    reaped = 0
    while (pid := _dead_child()) and pid not in own:
        os.waitpid(pid, os.WNOHANG)
        reaped += 1
    return reaped


def _dead_child() -> int:
    """A child that ended and is not waited for yet; 0 when there is none."""
    try:
        # WNOWAIT leaves it for whoever it belongs to.
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return 0
    return found.si_pid if found else 0
