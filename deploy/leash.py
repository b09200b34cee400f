"""Started in front of every part: ties the part's life to its supervisor's, then becomes the part.

Run as `python -I -S leash.py <supervisor's process id> <command…>`; imports nothing of ours, so that it costs
milliseconds. A `preexec_fn` would do the same, but is not safe in a process with threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final, NoReturn

_PR_SET_PDEATHSIG: Final = 1
_NO_SUCH_COMMAND: Final = 127


def main(supervisor: int, command: list[str]) -> NoReturn:
    """Replace this process by `command`, which gets SIGTERM when the supervisor dies, however it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # It may have died before the leash was on.
    if os.getppid() != supervisor:
        sys.exit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606 (no shell is meant)
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
        sys.exit(_NO_SUCH_COMMAND)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
