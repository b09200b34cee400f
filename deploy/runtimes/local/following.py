"""Follows the file of instances for the supervisor: what changed in it is told within a tenth of a second."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from deploy.process import PartSpec
from deploy.runtimes.local.processes import part_of
from deploy.runtimes.local.state import NAME, read_state

_PAUSE_SECONDS: Final = 0.1


class UnitFollower:
    """Calls `tell` with the parts that the file of `run_folder` asks for: at once, and after each change."""

    def __init__(self, run_folder: Path, tell: Callable[[list[PartSpec]], None]) -> None:
        self._run_folder = run_folder
        self._tell = tell
        self._stopping = threading.Event()
        self._seen: tuple[int, int] | None = None
        self._thread = threading.Thread(target=self._follow, name="units", daemon=True)

    def start(self) -> None:
        """From now on, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """No more."""
        self._stopping.set()

    def _follow(self) -> None:
        while not self._stopping.is_set():
            mark = self._mark()
            if mark != self._seen:
                self._seen = mark
                self._tell(
                    [part_of(each, self._run_folder) for each in read_state(self._run_folder).instances]
                )
            self._stopping.wait(_PAUSE_SECONDS)

    def _mark(self) -> tuple[int, int] | None:
        """Changes whenever the file is replaced."""
        try:
            found = (self._run_folder / NAME).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino
