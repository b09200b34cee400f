"""Keeps a changing set of parts alive, and takes them down in order."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterable
from typing import Final

from common import clock
from deploy.backoff import Backoff, Pace
from deploy.bell import Bell
from deploy.orphans import reap_orphans
from deploy.process import PartProcess, PartSpec
from deploy.status import PartStatus

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LONGEST_SLEEP_SECONDS: Final = 60.0

Tell = Callable[[str], None]
Note = Callable[[list[PartStatus]], None]


class Supervisor:
    """Runs the parts it was given last by `want`; `run` returns when it was told to stop and all have ended.

    Must run in the main thread: signals arrive there, and the kernel ends the parts with the thread that
    started them. `want`, `ask_to_stop` may be called from any thread.
    """

    def __init__(
        self,
        tell: Tell,
        note: Note,
        pace: Pace | None = None,
        *,
        sign: Callable[[], None] = lambda: None,
        sign_seconds: float = _LONGEST_SLEEP_SECONDS,
    ) -> None:
        self._tell = tell
        self._note = note
        # A sign of life, given at each turn and at least this often.
        self._sign = sign
        self._sign_seconds = sign_seconds
        self._is_first_process = os.getpid() == 1
        self._pace = pace or Pace()
        self._wanted: dict[str, PartSpec] = {}
        self._parts: dict[str, PartProcess] = {}
        self._stops_asked = 0
        self._was_crash_looping = False
        self._bell = Bell()
        self._lock = threading.Lock()

    def want(self, specs: Iterable[PartSpec]) -> None:
        """From now on run exactly these; a part whose spec changed is stopped and started anew."""
        with self._lock:
            self._wanted = {spec.name: spec for spec in specs}
        self._bell.ring()

    def ask_to_stop(self) -> None:
        """Stop gently; asked a second time, at once."""
        self._stops_asked += 1
        self._bell.ring()

    def run(self, on_stop: Callable[[], None] = lambda: None) -> None:
        """Supervise until asked to stop; `on_stop` is called before the first part is stopped."""
        with contextlib.closing(self._bell), self._bell.on_signals(_SIGNALS, self.ask_to_stop):
            while not self._stops_asked:
                self._tick()
                self._sleep()
            on_stop()
            self._stop_all()

    def _tick(self) -> None:
        """Do all that is due; report when something changed."""
        with self._lock:
            wanted = dict(self._wanted)
        now = clock.monotonic()
        for name, part in self._parts.items():
            if wanted.get(name) != part.spec:
                part.stop(now)
        changed = self._look_at(list(self._parts.values()))
        changed = self._drop_ended() or changed
        # Only now is there room for those that replace an ended one.
        changed = self._look_at(self._add_missing(wanted)) or changed
        self._report(changed)

    def _look_at(self, parts: list[PartProcess]) -> bool:
        now = clock.monotonic()
        changes = [part.look(now) for part in parts]
        return any(changes)

    def _drop_ended(self) -> bool:
        ended = [name for name, part in self._parts.items() if part.has_ended]
        for name in ended:
            del self._parts[name]
        return bool(ended)

    def _add_missing(self, wanted: dict[str, PartSpec]) -> list[PartProcess]:
        missing = [spec for name, spec in wanted.items() if name not in self._parts]
        added = {spec.name: PartProcess(spec, Backoff(self._pace), self._tell) for spec in missing}
        self._parts.update(added)
        return list(added.values())

    def _report(self, changed: bool) -> None:
        statuses = [part.status() for part in self._parts.values()]
        is_crash_looping = any(status.is_crash_looping for status in statuses)
        if changed or is_crash_looping != self._was_crash_looping:
            self._was_crash_looping = is_crash_looping
            self._note(statuses)

    def _stop_all(self) -> None:
        for rank in sorted({part.spec.stop_rank for part in self._parts.values()}):
            self._stop_rank([part for part in self._parts.values() if part.spec.stop_rank == rank])

    def _stop_rank(self, parts: list[PartProcess]) -> None:
        now = clock.monotonic()
        for part in parts:
            part.stop(now)
        while not self._have_ended(parts):
            self._sleep()

    def _have_ended(self, parts: list[PartProcess]) -> bool:
        for part in self._parts.values():
            if self._stops_asked > 1:
                part.kill()
            part.look(clock.monotonic())
        return all(part.has_ended for part in parts)

    def _sleep(self) -> None:
        """Until a signal, a call from another thread, or the next thing due."""
        if self._is_first_process:
            reap_orphans({pid for part in self._parts.values() if (pid := part.status().pid)})
        self._sign()
        looks = [look for part in self._parts.values() if (look := part.next_look()) is not None]
        longest = self._pace.stable_seconds if self._was_crash_looping else _LONGEST_SLEEP_SECONDS
        self._bell.sleep(min([longest, self._sign_seconds, *(look - clock.monotonic() for look in looks)]))
