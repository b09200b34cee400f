"""One supervised process: started on a leash in a group of its own, watched, restarted, stopped."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final

from common import clock
from common.version import VERSION
from deploy.backoff import Backoff
from deploy.log_files import rotate_log
from deploy.orphan import UNKNOWN_CODE, Orphan
from deploy.status import PartStatus, start_ticks

_LEASH: Final = str(Path(__file__).with_name("leash.py"))
_LONG_LEASH: Final = str(Path(__file__).with_name("long_leash.py"))
# From the end of a supervisor until the next one has to have told that it knows of such a part.
_TAKEOVER_SECONDS: Final = 10.0
# How often one is looked at whose end sends no signal, because another supervisor started it.
_ORPHAN_SECONDS: Final = 0.25
# Different at each start of a supervisor that systemd or a shell starts, and of no meaning to a part.
_PASSING_VARIABLES: Final = (
    b"INVOCATION_ID", b"JOURNAL_STREAM", b"SYSTEMD_EXEC_PID", b"SHLVL", b"PWD", b"OLDPWD", b"_",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PartSpec:
    """What to run. Parts of a lower `stop_rank` are stopped, and have ended, before those of the next."""

    name: str
    kind: str
    command: tuple[str, ...]
    # On top of the supervisor's own.
    variables: Mapping[str, str] = field(default_factory=dict)
    # All that it has instead of the supervisor's own.
    alone: Mapping[str, str] | None = None
    directory: Path | None = None
    # Where its output goes; None: to the supervisor's own.
    log: Path | None = None
    pass_fds: tuple[int, ...] = ()
    stop_rank: int = 0
    grace_seconds: float = 10.0
    # The file of parts of a machine whose next supervisor may take it over; None: it ends with this one.
    heirs: Path | None = None

    @property
    def mark(self) -> str:
        """Stands for everything that makes another process necessary; empty of one that is not taken over."""
        if self.heirs is None:
            return ""
        told = (VERSION, sys.executable, self.command, sorted(self.variables.items()), str(self.directory))
        inherited = _own_variables() if self.alone is None else sorted(self.alone.items())
        return hashlib.sha256(repr((*told, str(self.log), inherited)).encode()).hexdigest()[:32]


class PartProcess:
    """Keeps the process of one PartSpec alive until told to stop.

    `look` is called again and again with the time; it never waits.
    """

    def __init__(self, spec: PartSpec, backoff: Backoff, tell: Callable[[str], None]) -> None:
        self.spec = spec
        self._backoff = backoff
        self._tell = tell
        self._process: subprocess.Popen[bytes] | Orphan | None = None
        self._started = 0.0
        self._started_at: datetime | None = None
        self._ticks: int | None = None
        self._due = 0.0
        self._starts = 0
        self._kill_due: float | None = None
        self._is_stopping = False
        self._last_exit = ""

    def take_over(self, found: PartStatus) -> None:
        """Go on with the process that a killed supervisor started for the same spec."""
        assert found.pid is not None
        assert found.ticks is not None
        self._process, self._ticks = Orphan(found.pid, found.ticks), found.ticks
        self._starts, self._last_exit = found.restarts + 1, found.last_exit
        self._started_at = datetime.fromisoformat(found.started_at) if found.started_at else clock.now()
        self._started = clock.monotonic() - (clock.now() - self._started_at).total_seconds()
        self._tell(f"{self.spec.name} still runs (process {found.pid}): taken over")

    @property
    def has_ended(self) -> bool:
        """True when it was told to stop and nothing of it is left."""
        return self._is_stopping and self._process is None

    def look(self, now: float) -> bool:
        """Start, reap or kill what is due at `now`; returns True when something changed."""
        if self._process is None:
            return self._start_if_due(now)
        if self._process.poll() is not None:
            self._reap(now)
            return True
        if self._kill_due is not None and now >= self._kill_due:
            self._tell(f"{self.spec.name} did not stop in time: killed")
            self.kill()
        return False

    def next_look(self) -> float | None:
        """When `look` has something to do although no signal came; None: never."""
        if isinstance(self._process, Orphan):
            soon = clock.monotonic() + _ORPHAN_SECONDS
            return soon if self._kill_due is None else min(soon, self._kill_due)
        if self._process is not None:
            return self._kill_due
        return None if self._is_stopping else self._due

    def stop(self, now: float) -> None:
        """Ask the process to end; kill its whole group when the grace is over."""
        self._is_stopping = True
        if self._process is not None and self._kill_due is None:
            self._kill_due = now + self.spec.grace_seconds
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End everything of this part now."""
        self._is_stopping = True
        self._kill_due = None
        self._kill_group()

    def status(self) -> PartStatus:
        """How it is."""
        wait = max(0.0, self._due - clock.monotonic())
        is_waiting = self._process is None and not self._is_stopping
        return PartStatus(
            name=self.spec.name,
            kind=self.spec.kind,
            state=self._state(),
            pid=self._process.pid if self._process else None,
            ticks=self._ticks if self._process else None,
            started_at=self._started_at.isoformat() if self._started_at else None,
            restarts=max(0, self._starts - 1),
            is_crash_looping=self._is_crash_looping(),
            last_exit=self._last_exit,
            next_start_at=(clock.now() + timedelta(seconds=wait)).isoformat() if is_waiting else None,
            log=str(self.spec.log or ""),
            mark=self.spec.mark,
        )

    def _state(self) -> str:
        if self._is_stopping:
            return "stopping"
        return "waiting" if self._process is None else "running"

    def _is_crash_looping(self) -> bool:
        stable = self._backoff.pace.stable_seconds
        is_stable = self._process is not None and clock.monotonic() - self._started >= stable
        return self._backoff.is_crash_looping and not is_stable

    def _start_if_due(self, now: float) -> bool:
        if self._is_stopping or now < self._due:
            return False
        try:
            self._process = self._open()
        except (OSError, ValueError) as error:
            # ValueError: words that no process can be given, as those with the character NUL.
            words = error.strerror if isinstance(error, OSError) else str(error)
            self._note_exit(f"could not be started: {words}", 0.0, now)
            return True
        self._starts += 1
        self._started, self._started_at = now, clock.now()
        self._ticks = start_ticks(self._process.pid)
        self._tell(f"{self.spec.name} started (process {self._process.pid})")
        return True

    def _open(self) -> subprocess.Popen[bytes]:
        with _Output(self.spec.log) as output:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", *_leash_of(self.spec), *_with_variables(self.spec)],
                cwd=self.spec.directory,
                # Not by the words of a command, which others can read.
                env=None if self.spec.alone is None else dict(self.spec.alone),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output is not None else None,
                pass_fds=self.spec.pass_fds,
                # Ctrl-C in a terminal reaches the supervisor alone, which stops the parts in order.
                start_new_session=True,
            )

    def _reap(self, now: float) -> None:
        assert self._process is not None
        # Whatever the dead process started itself must not stay behind.
        self._kill_group()
        code, lived = self._process.returncode, now - self._started
        self._process = None
        self._kill_due = None
        if not self._is_stopping:
            self._note_exit(_exit_words(code), lived, now)

    def _note_exit(self, words: str, lived: float, now: float) -> None:
        self._last_exit = words
        wait = self._backoff.next_wait(lived)
        self._due = now + wait
        hint = f"; see {self.spec.log}" if self.spec.log else ""
        if self._backoff.is_crash_looping:
            self._tell(f"{self.spec.name} {words} again, next start in {wait:.1f} s{hint}")
        else:
            self._tell(f"{self.spec.name} {words}, starting it again")

    def _kill_group(self) -> None:
        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                return


class _Output:
    """The log file of a part opened for appending, or None; closed in the supervisor after the start."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def __enter__(self) -> IO[bytes] | None:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            rotate_log(self._path)
            self._file = self._path.open("ab")
        return self._file

    def __exit__(self, *_: Any) -> None:
        if self._file is not None:
            self._file.close()


def _leash_of(spec: PartSpec) -> list[str]:
    """The program that stands in front of the part, with its words."""
    if spec.heirs is None:
        return [_LEASH, str(os.getpid())]
    return [_LONG_LEASH, str(os.getpid()), str(spec.heirs), str(_TAKEOVER_SECONDS), str(spec.grace_seconds)]


def _own_variables() -> list[bytes]:
    """Those that this process was started with; nothing where the kernel does not tell."""
    try:
        pairs = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return []
    return sorted(pair for pair in pairs if pair.partition(b"=")[0] not in _PASSING_VARIABLES)


def _with_variables(spec: PartSpec) -> list[str]:
    """The command, behind env(1) when it needs variables."""
    pairs = [f"{name}={value}" for name, value in spec.variables.items()]
    return ["env", *pairs, *spec.command] if pairs else list(spec.command)


def _exit_words(code: int) -> str:
    """A process's end in words."""
    if code == UNKNOWN_CODE:
        return "ended"
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
