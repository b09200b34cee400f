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
from deploy.orphan import end_orphan
from deploy.orphans import reap_orphans
from deploy.process import PartProcess, PartSpec
from deploy.status import PartStatus, left_over

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
        # What a killed supervisor left running and nobody has wanted yet.
        self._left: dict[str, PartStatus] = {}
        self._settled: frozenset[str] = frozenset()
        self._stops_asked = 0
        self._was_crash_looping = False
        self._bell = Bell()
        self._lock = threading.Lock()

    def want(self, specs: Iterable[PartSpec]) -> None:
        """From now on run exactly these; a part whose spec changed is stopped and started anew."""
        with self._lock:
            self._wanted = {spec.name: spec for spec in specs}
        self._bell.ring()

    def take_over(self, left: Iterable[PartStatus]) -> None:
        """Before `run`: what a killed supervisor left running, to go on with as soon as it is wanted.

        One that is wanted otherwise is ended first, and the others once their kind is settled.
        """
        self._left = {part.name: part for part in left}

    def settle(self, kind: str) -> None:
        """All parts of `kind` that are wanted were told: end what is left of the others."""
        with self._lock:
            self._settled |= {kind}
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
            wanted, settled = dict(self._wanted), self._settled
        now = clock.monotonic()
        for name, part in self._parts.items():
            if wanted.get(name) != part.spec:
                part.stop(now)
        changed = self._look_at(list(self._parts.values()))
        changed = self._drop_ended() or changed
        # Only now is there room for those that replace an ended one.
        left = len(self._left)
        changed = self._look_at(self._add_missing(wanted)) or changed
        self._end_left(settled)
        self._report(changed or len(self._left) != left)

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
        for name, part in added.items():
            self._take_over(part, self._left.pop(name, None))
        return list(added.values())

    def _take_over(self, part: PartProcess, left: PartStatus | None) -> None:
        if left is None:
            return
        if left.mark == part.spec.mark and left_over([left]):
            part.take_over(left)
        else:
            self._end(left)

    def _end_left(self, kinds: frozenset[str]) -> None:
        for part in [each for each in self._left.values() if each.kind in kinds]:
            self._end(part)
            del self._left[part.name]

    def _end(self, left: PartStatus) -> None:
        self._tell(f"process {left.pid} of {left.name} is left over from a machine that was killed: ended")
        end_orphan(left)

    def _report(self, changed: bool) -> None:
        statuses = [*(part.status() for part in self._parts.values()), *self._left.values()]
        is_crash_looping = any(status.is_crash_looping for status in statuses)
        if changed or is_crash_looping != self._was_crash_looping:
            self._was_crash_looping = is_crash_looping
            self._note(statuses)

    def _stop_all(self) -> None:
        self._end_left(frozenset(part.kind for part in self._left.values()))
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
