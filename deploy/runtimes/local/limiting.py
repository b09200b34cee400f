"""Started in front of a unit: bounds what it may take, then becomes it.

Run as `python -I -S limiting.py <data bytes> <nice> <command…>`; imports nothing of ours.
"""

from __future__ import annotations

import os
import resource
import sys
from typing import NoReturn


def main(data_bytes: int, nice: int, command: list[str]) -> NoReturn:
    """Replace this process by `command`, with at most `data_bytes` of memory of its own (0: unbounded)."""
    if data_bytes:
        resource.setrlimit(resource.RLIMIT_DATA, (data_bytes, data_bytes))
    # A core that dumps gigabytes of model helps nobody.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if nice:
        os.nice(nice)
    try:
        os.execvp(command[0], command)  # noqa: S606 (no shell is meant)
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
        sys.exit(127)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
