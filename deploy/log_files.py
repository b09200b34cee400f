"""The log of a part: kept to a size, its end, and what stood in it before it was begun anew."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Final

# A log that is larger becomes `<name>.1`, of which no more than this is kept.
LOG_BYTES: Final = 10 * 2**20
_END_BYTES: Final = 16_384


def rotate_log(path: Path) -> None:
    """Keep a log to its size, also while a process goes on writing; the part before becomes `<name>.1`."""
    with contextlib.suppress(OSError):
        size = path.stat().st_size
        if size <= LOG_BYTES:
            return
        with path.open("rb") as full, former_log(path).open("wb") as former:
            full.seek(max(0, size - LOG_BYTES))
            shutil.copyfileobj(full, former)
        # It is open for appending, so the process goes on at the new end.
        os.truncate(path, 0)


def former_log(path: Path) -> Path:
    """Where a log's lines are from before it was begun anew."""
    return path.with_name(f"{path.name}.1")


def last_lines(path: str, count: int) -> list[str]:
    """The end of a part's log, newest last; nothing when there is none or it may not be read.

    What a log that was begun anew lacks is at the end of the former one.
    """
    found: list[str] = []
    for each in (Path(path), former_log(Path(path))):
        if len(found) < count:
            found = [line for line in _end_of(each) if line.strip()] + found
    return found[-count:]


def _end_of(path: Path) -> list[str]:
    try:
        with path.open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _END_BYTES))
            return log.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
