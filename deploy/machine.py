"""A whole machine under one supervisor: API workers on one port, shipper, background runs, microservices."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from django.conf import settings

from common import clock
from deploy import ports
from deploy.database import prepare_database
from deploy.lock import machine_lock
from deploy.microservices import KIND as MICROSERVICE
from deploy.microservices import microservice_parts
from deploy.notify import notifier_from_settings
from deploy.orphan import end_orphan
from deploy.process import PartSpec
from deploy.runtimes.local.following import UnitFollower
from deploy.runtimes.local.processes import KIND as UNIT
from deploy.status import (
    MachineStatus,
    PartStatus,
    left_over,
    parts_file,
    read_status,
    remove_status,
    write_status,
)
from deploy.supervision import Supervisor, Tell
from deploy.waiting import answers, wait_until
from stores.changes import ChangeWatcher, subscribe

_MOST_DEFAULT_WORKERS: Final = 4
# A stopping process ends by itself after SELDON_GRACE_SECONDS; only one that hangs is killed.
HANG_SECONDS: Final = 3.0
# What answers callers starts first, with the processors to itself; the rest after so long at the latest.
_FIRST_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class MachinePlan:
    """What to run; `part_logs`, if any, is the folder for the output of workers and shipper."""

    host: str
    port: int
    workers: int
    data: Path
    grace_seconds: float
    has_jobs: bool = True
    has_deployments: bool = True
    part_logs: Path | None = None

    @property
    def run_folder(self) -> Path:
        """Where running processes leave what others of the machine need."""
        return self.data / "run"


def plan_from_settings(part_logs: Path | None = None) -> MachinePlan:
    """The plan that SELDON_HOST, SELDON_PORT, SELDON_WORKERS and SELDON_DATA describe."""
    return MachinePlan(
        host=settings.SELDON_HOST,
        port=settings.SELDON_PORT,
        workers=settings.SELDON_WORKERS or min(os.cpu_count() or 1, _MOST_DEFAULT_WORKERS),
        data=settings.SELDON_DATA,
        grace_seconds=settings.SELDON_GRACE_SECONDS,
        has_jobs=settings.RUN_WORKERS > 0,
        has_deployments=settings.DEPLOYMENTS_RUNTIME == "local",
        part_logs=part_logs,
    )


class Machine:
    """Made by `open_machine`: the port is bound and the database ready; `run` does the rest."""

    def __init__(
        self, plan: MachinePlan, listening: socket.socket, tell: Tell, left: Sequence[PartStatus] = ()
    ) -> None:
        self.url = ports.url_of(listening)
        self._plan = plan
        self._listening = listening
        self._tell = tell
        self._notifier = notifier_from_settings()
        self._supervisor = Supervisor(
            tell,
            self._note,
            sign=self._notifier.alive,
            sign_seconds=self._notifier.seconds_between_signs,
        )
        self._supervisor.take_over(left)
        self._watcher = ChangeWatcher()
        # One that a killed machine left has its port for itself, too.
        self._running = _microservices_of(left)
        self._answers = False
        self._microservices: list[PartSpec] = []
        self._units: list[PartSpec] = []
        self._wanting = threading.Lock()
        self._follower = UnitFollower(plan.run_folder, self._on_units)

    def run(self) -> None:
        """Supervise until SIGTERM or Ctrl-C, then stop in order; nothing is left running."""
        self._supervisor.want(self._own_parts())
        unsubscribe = [subscribe(topic, self._on_change) for topic in ("microservices", "credentials")]
        self._watcher.start()
        if self._plan.has_deployments:
            self._follower.start()
        else:
            self._supervisor.settle(UNIT)
        threading.Thread(target=self._follow_up, name="follow-up", daemon=True).start()
        try:
            self._supervisor.run(self._on_stop)
        finally:
            for end in unsubscribe:
                end()
            remove_status(self._plan.run_folder)
        self._tell("stopped")

    def tell_ready(self) -> None:
        """Tell whoever started the machine that it serves requests; from any thread."""
        self._notifier.ready(self.url)

    def ask_to_stop(self) -> None:
        """Stop as SIGTERM would; from any thread."""
        self._supervisor.ask_to_stop()

    def _follow_up(self) -> None:
        """Start the rest once the workers answer."""
        wait_until(lambda: answers(f"{self.url}/readyz"), _FIRST_SECONDS)
        self._answers = True
        self._want()

    def _own_parts(self) -> list[PartSpec]:
        workers = [self._worker(number) for number in range(self._plan.workers)]
        # Last to end, because it takes along what the others wrote until their end.
        shipper = self._own_part("shipper", "shipper", stop_rank=2)
        if not self._answers:
            return [*workers, shipper]
        jobs = [self._own_part("jobs", "jobs")] if self._plan.has_jobs else []
        if self._plan.has_deployments:
            jobs.append(self._own_part("deployments", "deployments", self.url))
        return [*workers, *jobs, shipper]

    def _worker(self, number: int) -> PartSpec:
        descriptor = self._listening.fileno()
        return replace(
            self._own_part(f"worker-{number + 1}", "worker", str(descriptor)),
            variables=self._worker_variables(number),
            pass_fds=(descriptor,),
        )

    def _own_part(self, name: str, kind: str, *words: str, stop_rank: int = 0) -> PartSpec:
        logs = self._plan.part_logs
        return PartSpec(
            name=name,
            kind=kind,
            command=(sys.executable, "-m", f"seldon_api.{kind}", *words),
            log=logs / f"{name}.log" if logs else None,
            stop_rank=stop_rank,
            grace_seconds=self._plan.grace_seconds + HANG_SECONDS,
        )

    def _worker_variables(self, worker: int) -> dict[str, str]:
        return {"SELDON_WORKER": str(worker), "SELDON_WORKERS": str(self._plan.workers)}

    def _on_change(self, keys: frozenset[str] | None) -> None:
        """Runs in the watcher's thread: a database that is slow to answer keeps no part waiting."""
        logs = self._plan.run_folder / "microservices"
        self._microservices = microservice_parts(
            logs, self._running.__contains__, parts_file(self._plan.run_folder)
        )
        self._want()
        self._supervisor.settle(MICROSERVICE)

    def _on_units(self, units: list[PartSpec]) -> None:
        """Runs in the follower's thread, and asks no database."""
        self._units = units
        self._want()
        self._supervisor.settle(UNIT)

    def _want(self) -> None:
        with self._wanting:
            self._supervisor.want([*self._own_parts(), *self._microservices, *self._units])

    def _on_stop(self) -> None:
        self._notifier.stopping()
        self._tell("stopping: requests under way are finished (Ctrl-C again: at once)")
        # The kernel turns callers away only when nobody holds the socket any more.
        self._listening.close()
        self._follower.stop()
        self._watcher.stop(timeout_seconds=1)

    def _note(self, parts: list[PartStatus]) -> None:
        self._running = _microservices_of(parts)
        status = MachineStatus(os.getpid(), self.url, clock.now().isoformat(), tuple(parts))
        write_status(self._plan.run_folder, status)


@contextlib.contextmanager
def open_machine(plan: MachinePlan, tell: Tell) -> Iterator[Machine]:
    """A machine that can start: folder locked, what a killed one left is gone, port and database ready.

    Raises AlreadyRunningError, PortTakenError, AddressUnusableError or NotMigratedError.
    """
    with machine_lock(plan.data):
        left = _take_over(plan.run_folder, tell)
        with ports.listen(plan.host, plan.port) as listening:
            if taken := prepare_database():
                tell(f"database brought up to date: {taken} migrations")
            yield Machine(plan, listening, tell, left)


def _take_over(run_folder: Path, tell: Tell) -> list[PartStatus]:
    """What a machine whose supervisor was killed left running and may go on; kill what may not.

    Those that may are told of at once, since they wait for it and not for long (long_leash.py).
    """
    status = read_status(run_folder)
    found = left_over(status.parts) if status else []
    kept = [part for part in found if part.mark and part.state == "running"]
    for part in found:
        if part not in kept:
            tell(f"process {part.pid} is left over from a machine that was killed: ended")
            end_orphan(part)
    if status and kept:
        write_status(run_folder, replace(status, supervisor=os.getpid(), parts=tuple(kept)))
    else:
        remove_status(run_folder)
    return kept


def _microservices_of(parts: Iterable[PartStatus]) -> frozenset[str]:
    """The names of those that have a process."""
    return frozenset(part.name for part in parts if part.kind == MICROSERVICE and part.pid)
