"""What a run says of itself while it works: its progress and the last of its log; from any thread."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from common import clock
from offline.records import LOG_CHARACTERS

_LINE_CHARACTERS: Final = 2000
_NOTE_CHARACTERS: Final = 200
# A job that says more is not copied into the service's own log.
_LINES_PER_SECOND: Final = 50


class Journal:
    """Collects lines and progress; `take` hands over what the database does not know yet."""

    def __init__(self, logger: logging.Logger, log: str = "", log_end: int = 0) -> None:
        self._logger = logger
        self._lock = threading.Lock()
        self._blocks = deque([log] if log else [])
        self._size = len(log)
        self._end = log_end
        self._progress = (0, 0, "")
        self._changed: set[str] = set()
        self._second = 0
        self._copied = 0
        self._left_out = 0

    def add(self, lines: Sequence[str]) -> None:
        """More lines of the log; those that are very long are cut."""
        if not lines:
            return
        stamp = f"{clock.now():%H:%M:%S} "
        block = "".join([f"{stamp}{_shorten(line)}\n" for line in lines])
        # PostgreSQL keeps no NUL in a text.
        block = block.replace("\0", "\N{REPLACEMENT CHARACTER}")
        with self._lock:
            self._blocks.append(block)
            self._size += len(block)
            self._end += len(block)
            while self._size - len(self._blocks[0]) >= LOG_CHARACTERS:
                self._size -= len(self._blocks.popleft())
            self._changed.add("log")
        self._copy(lines)

    def set_progress(self, done: int, total: int, note: str) -> None:
        """How far it is."""
        with self._lock:
            fresh = (max(0, done), max(0, total), note.replace("\0", "")[:_NOTE_CHARACTERS])
            if fresh != self._progress:
                self._progress = fresh
                self._changed.add("progress")

    def take(self) -> dict[str, Any]:
        """The columns of the run that changed since they were taken last."""
        with self._lock:
            changed, self._changed = self._changed, set()
            return self._columns(changed)

    def give_back(self, taken: dict[str, Any]) -> None:
        """What was taken could not be written: it is taken once more."""
        with self._lock:
            self._changed |= {"log"} if "log" in taken else set()
            self._changed |= {"progress"} if "done" in taken else set()

    def _columns(self, changed: set[str]) -> dict[str, Any]:
        columns: dict[str, Any] = {}
        if "log" in changed:
            columns |= {"log": "".join(self._blocks)[-LOG_CHARACTERS:], "log_end": self._end}
        if "progress" in changed:
            columns |= dict(zip(("done", "total", "note"), self._progress, strict=True))
        return columns

    def _copy(self, lines: Sequence[str]) -> None:
        """Into the service's own log, of which one run may not take all."""
        second = int(clock.monotonic())
        if second != self._second:
            if self._left_out:
                self._logger.info("… %d more lines, see the run's own log", self._left_out)
            self._second, self._copied, self._left_out = second, 0, 0
        some = lines[: max(0, _LINES_PER_SECOND - self._copied)]
        self._copied += len(some)
        self._left_out += len(lines) - len(some)
        for line in some:
            self._logger.info("%s", _shorten(line))


def _shorten(line: str) -> str:
    if len(line) <= _LINE_CHARACTERS:
        return line
    return f"{line[:_LINE_CHARACTERS]}… ({len(line)} characters)"
