"""The thread of a process that follows a ZooKeeper ensemble."""

from __future__ import annotations

import logging
import threading
from typing import Final, Protocol

from django.db import connection

from common import clock
from stores.config.errors import ConfigUnavailableError

logger = logging.getLogger(__name__)

# How long a failed reading waits for the next try, and a change for being kept on disk with those after it.
_SOON_SECONDS: Final = 1.0
# How often what was refused is judged again: what it lacks, such as a microservice, may be there by now.
_JUDGE_SECONDS: Final = 10.0


class Followed(Protocol):
    """What the thread does, step by step."""

    @property
    def is_reachable(self) -> bool:
        """Whether there is a connection just now."""

    @property
    def is_behind(self) -> bool:
        """Whether changes may have been missed, so that everything is to be read again."""

    def refresh(self) -> None:
        """Reads everything."""

    def follow(self) -> bool:
        """Reads what was heard of since; whether there was anything."""

    def judge_again(self) -> None:
        """Has another look at what was refused."""

    def save(self) -> None:
        """Keeps what is known on disk."""

    def note_fault(self, reason: str) -> None:
        """Remembers that following failed."""


class Follower:
    """Wakes when something is heard, reads it, and keeps what is known on disk a moment later."""

    def __init__(self, followed: Followed) -> None:
        self._followed = followed
        self._woken = threading.Event()
        self._is_stopping = False
        self._thread: threading.Thread | None = None
        # Also what the start read; where that was the disk itself, saving finds nothing to do.
        self._unsaved_since: float | None = clock.monotonic()
        self._judged_at = clock.monotonic()

    def start(self) -> None:
        """Starts the thread."""
        self._thread = threading.Thread(target=self._run, name="zookeeper-follower", daemon=True)
        self._thread.start()
        self.wake()

    def stop(self, timeout_seconds: float = 10) -> None:
        """Ends the thread after the step it is at."""
        self._is_stopping = True
        self.wake()
        if self._thread is not None:
            self._thread.join(timeout_seconds)

    def wake(self) -> None:
        """Has the thread look what there is to do; from any thread, never waits."""
        self._woken.set()

    def _run(self) -> None:
        try:
            while not self._is_stopping:
                self._step_guarded()
                self._woken.wait(self._pause_seconds())
                self._woken.clear()
            if self._unsaved_since is not None:
                self._followed.save()
        finally:
            connection.close()

    def _pause_seconds(self) -> float:
        is_waiting = self._unsaved_since is not None or self._followed.is_behind
        return _SOON_SECONDS if is_waiting else _JUDGE_SECONDS

    def _step_guarded(self) -> None:
        try:
            self._step()
        except ConfigUnavailableError as error:
            self._followed.note_fault(error.message)
        except Exception as error:
            # The door of the thread: it must outlive a fault, else this process hears of no change again.
            logger.exception("ZooKeeper could not be followed")
            self._followed.note_fault(f"{type(error).__name__}: {error}")
        finally:
            # Judging may have asked the database.
            connection.close()

    def _step(self) -> None:
        if self._followed.is_reachable:
            self._read()
        if self._unsaved_since is not None and clock.monotonic() - self._unsaved_since >= _SOON_SECONDS:
            self._followed.save()
            self._unsaved_since = None

    def _read(self) -> None:
        if self._followed.is_behind:
            self._followed.refresh()
            self._note_change()
        elif self._followed.follow():
            self._note_change()
        if clock.monotonic() - self._judged_at >= _JUDGE_SECONDS:
            self._judged_at = clock.monotonic()
            self._followed.judge_again()

    def _note_change(self) -> None:
        if self._unsaved_since is None:
            self._unsaved_since = clock.monotonic()
