"""The parent: starts the workers, starts them again when they die, and ends them when told."""

from __future__ import annotations

import logging
import math
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from types import FrameType

from microservice.errors import StartError
from microservice.settings import Settings

log = logging.getLogger(__name__)
READY = b"ready"
CUSTOM = -1  # the number of the process that runs custom_service, as in worker.py
LOOK_SECONDS = 0.1
FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
KILL_AFTER_GRACE_SECONDS = 2.0
# -P keeps the author's folder from shadowing the standard library while our own modules are imported; the
# folder of this distribution comes last, for a tree that is run without being installed.
BOOT = """
import sys
sys.path.append(sys.argv[1])
from microservice.worker import main
sys.exit(main(sys.argv[2:]))
"""


@dataclass(slots=True)
class Worker:
    """One worker's place: its process now, and when a dead one is replaced."""

    number: int
    process: subprocess.Popen[str]
    status: int
    started_at: float = field(default_factory=monotonic)
    delay_seconds: float = FIRST_DELAY_SECONDS
    restart_at: float | None = None

    def read_report(self) -> bytes:
        """Return what the worker said about its start, and close the pipe; the second time nothing."""
        if self.status < 0:
            return b""
        with open(self.status, "rb") as pipe:
            self.status = -1
            return pipe.read()


class Supervisor:
    """Keeps `count` workers of one microservice running on the same sockets."""

    def __init__(
        self, settings: Settings, sockets: list[socket.socket], count: int, environment: Mapping[str, str]
    ) -> None:
        self._settings = settings
        self._sockets = sockets
        self._count = count
        self._environment = environment
        self._workers: list[Worker] = []
        # Set by signals, in the midst of anything: an Event's lock could be the one that is held just then.
        self._is_ending = False
        self._has_custom = False

    def run(self, announce: Callable[[], None]) -> None:
        """Serve until SIGTERM or SIGINT; `announce` is called once the first worker answers.

        The first worker starts alone, so that a wrong class is reported once. Raises StartError for it.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        try:
            self._workers.append(self._start(0))
            if not self._await_ready(self._workers[0]):
                return
            custom = [CUSTOM] if self._has_custom else []
            self._workers += [self._start(number) for number in (*range(1, self._count), *custom)]
            announce()
            while not self._is_ending:
                self._replace_dead()
                sleep(LOOK_SECONDS)
        finally:
            self._end_workers()

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._is_ending = True

    def _start(self, number: int) -> Worker:
        status, write_end = os.pipe()
        descriptors = [write_end, *(bound.fileno() for bound in self._sockets)]
        root = str(Path(__file__).resolve().parent.parent)
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", BOOT, root, str(number), *map(str, descriptors)],
            stdin=subprocess.PIPE,
            pass_fds=descriptors,
            env=dict(self._environment),
            text=True,
        )
        os.close(write_end)
        if process.stdin is not None:
            process.stdin.write(self._settings.to_json() + "\n")
            process.stdin.flush()
        return Worker(number, process, status)

    def _await_ready(self, worker: Worker) -> bool:
        """Say whether the worker serves, False when told to end meanwhile; raises StartError if it cannot."""
        while not self._is_ending:
            if select.select([worker.status], [], [], LOOK_SECONDS)[0]:
                word = worker.read_report()
                if word.startswith(READY):
                    self._has_custom = word != READY
                    return True
                raise StartError(word.decode() or explain_end(worker, self._settings.interface))
        return False

    def _replace_dead(self) -> None:
        for place, worker in enumerate(self._workers):
            if worker.restart_at is None and worker.process.poll() is not None:
                self._plan_restart(worker)
            elif worker.restart_at is not None and monotonic() >= worker.restart_at:
                fresh = self._start(worker.number)
                fresh.delay_seconds = worker.delay_seconds
                self._workers[place] = fresh

    def _plan_restart(self, worker: Worker) -> None:
        """Restart soon, later each time it dies young; at once when it ended by itself after its requests."""
        if worker.process.returncode == 0:
            # A custom_service that came to its end is not begun again.
            worker.restart_at = math.inf if worker.number == CUSTOM else monotonic()
            return
        lived = monotonic() - worker.started_at
        if lived > LONGEST_DELAY_SECONDS:
            worker.delay_seconds = FIRST_DELAY_SECONDS
        word = worker.read_report().decode(errors="replace")
        reason = (
            word if word and not word.startswith(READY.decode()) else describe_code(worker.process.returncode)
        )
        log.error("worker %d ended: %s; again in %.1f s", worker.number, reason, worker.delay_seconds)
        worker.restart_at = monotonic() + worker.delay_seconds
        worker.delay_seconds = min(worker.delay_seconds * 2, LONGEST_DELAY_SECONDS)

    def _end_workers(self) -> None:
        """Tell all workers to end, and kill those that take longer than the grace time."""
        # As long as the parent holds them open, new callers would queue on sockets that nobody serves.
        for bound in self._sockets:
            bound.close()
        for worker in self._workers:
            if worker.process.poll() is None:
                worker.process.terminate()
        until = monotonic() + self._settings.grace_seconds + KILL_AFTER_GRACE_SECONDS
        for worker in self._workers:
            try:
                worker.process.wait(timeout=max(0.0, until - monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()


def explain_end(worker: Worker, interface: str) -> str:
    """Return why a worker that reported nothing did not start."""
    code = worker.process.wait()
    return f"The process that loads {interface} ended before it served: {describe_code(code)}"


def describe_code(code: int) -> str:
    """Return an exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    return f"signal {signal.Signals(-code).name}"
