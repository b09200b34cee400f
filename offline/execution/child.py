"""The process of a heavy job: reads what to do from its standard input, tells the worker by a pipe.

What the worker says afterwards, on the same input: `extend <seconds>` (the lease ends then), `end <reason>`.
When that input ends, because the worker died, or the lease does, the process kills itself and all that it
started, so that nothing is written any more by whoever lost the run.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import logging.config
import os
import resource
import select
import signal
import sys
import threading
from pathlib import Path
from typing import IO, Any, Final

import django
from django.conf import settings

from common import clock
from common.logs import current_request
from offline.errors import RunCancelledError
from offline.execution.ends import as_message, carry_out
from offline.jobs import job_at
from offline.jobs.base import JobInput
from offline.places import place_of_settings
from offline.records import RunFacts
from pipelines.places import use_places

_PR_SET_PDEATHSIG: Final = 1
_REPORT_SECONDS: Final = 0.1
# This process has just begun: it has no more than a few open.
_MOST_DESCRIPTORS: Final = 256


class Leash:
    """What the worker says, heard by a thread of its own; the worker's end, and the lease's, is ours."""

    def __init__(self, heard: int, lease_end: float) -> None:
        self.reason = ""
        self._heard = heard
        self._lease_end = lease_end
        self._rest = b""

    def follow(self) -> None:
        """Until the end of the process."""
        while True:
            left = self._lease_end - clock.boot_seconds()
            # First what was said meanwhile: a process that was slow to start may find its lease extended.
            if select.select([self._heard], [], [], max(0.0, min(left, 1.0)))[0]:
                self._hear(os.read(self._heard, 65_536))
            elif left <= 0:
                die("the lease is over")

    def _hear(self, data: bytes) -> None:
        if not data:
            die("the worker is gone")
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            word, _, rest = line.decode().partition(" ")
            if word == "extend":
                self._lease_end = float(rest)
            elif word == "end":
                self.reason = rest


class PipeContext:
    """The job's context: tells the worker by the pipe."""

    def __init__(self, pipe: IO[bytes], leash: Leash) -> None:
        self._pipe = pipe
        self._leash = leash
        self._lock = threading.Lock()
        self._reported = 0.0

    def report(self, done: int, total: int, note: str = "") -> None:
        """As JobContext says."""
        if self._leash.reason:
            raise RunCancelledError(self._leash.reason)
        now = clock.monotonic()
        # Also a job that reports every row costs next to nothing.
        if now - self._reported >= _REPORT_SECONDS or done >= total:
            self._reported = now
            self.say({"progress": [int(done), int(total), str(note)]})

    def log(self, line: str) -> None:
        """As JobContext says."""
        self.say({"log": str(line)})

    def say(self, message: dict[str, Any]) -> None:
        """One line to the worker."""
        with self._lock:
            self._pipe.write(json.dumps(message).encode() + b"\n")
            self._pipe.flush()


def main(pipe_number: int, worker: int) -> None:
    """Carry out what the first line of the standard input says."""
    _die_with(worker)
    _guard_group()
    faulthandler.enable()
    order = json.loads(_first_line(0))
    leash = Leash(0, order["lease_end"])
    threading.Thread(target=leash.follow, name="leash", daemon=True).start()
    given = JobInput(order["client"], order["day"], order["parameters"])
    current_request.set(RunFacts(order["label"], given.client or "-"))
    with os.fdopen(pipe_number, "wb") as pipe:
        context = PipeContext(pipe, leash)
        logging.config.dictConfig(settings.LOGGING)
        # As the app does when it is ready, which it need not be.
        use_places(place_of_settings)
        if order["uses_database"]:
            django.setup()
        job = job_at(order["path"])
        _limit_memory(order["memory_bytes"])
        ending = carry_out(job, given, context, order["memory_bytes"])
        sys.stdout.flush()
        context.say({"ended": as_message(ending)})


def die(reason: str) -> None:
    """Kill this process's whole group."""
    os.write(2, f"killed: {reason}\n".encode())
    os.killpg(0, signal.SIGKILL)


def _die_with(worker: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have died before.
    if os.getppid() != worker:
        sys.exit(1)


def _guard_group() -> None:
    """Leave a process that kills the group once this one is gone: the kernel kills this one alone."""
    job = os.pidfd_open(os.getpid())
    if os.fork() == 0:
        # What it keeps open would look to the worker like a job that still speaks.
        os.closerange(0, job)
        os.closerange(job + 1, _MOST_DESCRIPTORS)
        select.select([job], [], [])
        os.killpg(0, signal.SIGKILL)
    os.close(job)


def _first_line(descriptor: int) -> bytes:
    """Byte by byte, since what follows belongs to the leash; it is a pipe of a few hundred bytes."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(descriptor, 1)
        if not byte:
            sys.exit(1)
        line += byte
    return bytes(line)


def _limit_memory(memory_bytes: int | None) -> None:
    """On top of what this process has already. Counts what is written to, not what is only reserved."""
    if memory_bytes is None:
        return
    status = Path("/proc/self/status").read_text()
    present = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmData:"))
    resource.setrlimit(resource.RLIMIT_DATA, (present + memory_bytes, present + memory_bytes))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
