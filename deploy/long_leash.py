"""Stands in front of a part that may outlive its supervisor, until the next one takes it over.

Run as `python -I -S long_leash.py <supervisor> <parts file> <patience> <grace> <command…>`, times in seconds;
imports nothing of ours. It is the parent of the command, which ends with it: a SIGTERM is passed on, and it
ends as the command does. When the supervisor is gone it waits for a parts file (status.py) of a living one
that names it, which then is its supervisor. Without one within its patience it ends the command, so that
nothing runs that no supervisor knows of.
"""

from __future__ import annotations

import os
import signal
import sys
from time import monotonic
from typing import Final, NoReturn

_PR_SET_PDEATHSIG: Final = 1
_NO_SUCH_COMMAND: Final = 127
_LOOK_SECONDS: Final = 0.25
_SIGNALS: Final = (signal.SIGCHLD, signal.SIGTERM)

# A process by its number and the time of its start, which no later one of that number has.
Process = tuple[int, str]


def main(supervisor: int, parts: str, times: tuple[float, float], command: list[str]) -> None:
    """Run `command` for as long as there is a supervisor that knows of it."""
    if sys.platform != "linux":
        _become(command)
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    holder = (supervisor, _started(supervisor))
    # It may have died before.
    if os.getppid() != supervisor:
        sys.exit(1)
    own = os.getpid()
    child = os.fork()
    if not child:
        _tie_to(own)
        _become(command)
    patience_seconds, grace_seconds = times
    _watch(child, holder, parts, patience_seconds)
    _end(child, grace_seconds)


def _tie_to(parent: int) -> None:
    """End with `parent`, however it ends."""
    import ctypes  # noqa: PLC0415 (a megabyte that the parent need not have)

    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    if os.getppid() != parent:
        os._exit(1)


def _become(command: list[str]) -> NoReturn:
    try:
        os.execvp(command[0], command)  # noqa: S606 (no shell is meant)
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(_NO_SUCH_COMMAND)


def _watch(child: int, holder: Process, parts: str, patience_seconds: float) -> None:
    """Return when nobody has taken the part over in time; leave as the child does when that ends."""
    alone_since: float | None = None
    while True:
        _wait(child, _LOOK_SECONDS)
        if _lives(holder):
            continue
        alone_since = alone_since or monotonic()
        if found := _next_holder(parts):
            holder, alone_since = found, None
        elif monotonic() - alone_since >= patience_seconds:
            return


def _wait(child: int, seconds: float) -> None:
    """Pass a signal on, or leave as the child did; at most so long."""
    came = signal.sigtimedwait(_SIGNALS, seconds)
    if came is not None and came.si_signo == signal.SIGTERM:
        os.kill(child, signal.SIGTERM)
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        _leave(os.waitstatus_to_exitcode(status))


def _leave(code: int) -> NoReturn:
    """With the same code, or by the same signal."""
    if code < 0:
        import resource  # noqa: PLC0415 (only for this)

        # One picture of what went wrong is enough.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.kill(os.getpid(), -code)
    os._exit(code)


def _end(child: int, grace_seconds: float) -> NoReturn:
    os.kill(child, signal.SIGTERM)
    until = monotonic() + grace_seconds
    while monotonic() < until:
        _wait(child, _LOOK_SECONDS)
    os.killpg(0, signal.SIGKILL)
    raise SystemExit


def _next_holder(parts: str) -> Process | None:
    """The living supervisor whose file names this process."""
    import json  # noqa: PLC0415 (only once the supervisor is gone)

    try:
        with open(parts, "rb") as opened:
            told = json.load(opened)
        supervisor = int(told["supervisor"])
        knows = any(part["pid"] == os.getpid() for part in told["parts"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    found = (supervisor, _started(supervisor))
    return found if knows and found[1] else None


def _lives(process: Process) -> bool:
    return bool(process[1]) and _started(process[0]) == process[1]


def _started(pid: int) -> str:
    """When the process was started, in the kernel's ticks; empty when it lives no more."""
    try:
        with open(f"/proc/{pid}/stat") as opened:
            fields = opened.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], (float(sys.argv[3]), float(sys.argv[4])), sys.argv[5:])
