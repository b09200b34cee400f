"""Makes what runs on this machine what the deployments want, step by step; every step may be the last one.

What it decided is in a file (state.py) before the supervisor acts on it, and what the data plane serves is in
the database before a process is stopped. So it may be killed at any moment and goes on where it was.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from clients.models import Client
from common import clock
from common.errors import SeldonError
from deploy import ports
from deploy.bundles.store import BundleStore
from deploy.log_files import rotate_log
from deploy.manifests import manifest_from
from deploy.models import SeldonDeployment
from deploy.runtimes.local.deciding import Decision, decide, endpoints_of, is_whole
from deploy.runtimes.local.planning import plan_deployment
from deploy.runtimes.local.processes import end_now, log_of, memory_of
from deploy.runtimes.local.records import DeploymentPlan, Instance, Ports, UnitKey, UnitPlan
from deploy.runtimes.local.reporting import Seen, report_of
from deploy.runtimes.local.scraping import write_targets
from deploy.runtimes.local.state import read_state, write_state
from deploy.runtimes.local.surroundings import Surroundings
from deploy.runtimes.local.values import changed_at
from deploy.runtimes.local.volumes import make_folders, remove_folders
from deploy.runtimes.local.watching import Watch
from deploy.services import note_status
from deploy.serving import with_endpoints
from deploy.status import MachineStatus, PartStatus, read_status
from predictions.errors import DeploymentMissingError
from predictions.services import put_deployment, remove_deployment

logger = logging.getLogger(__name__)

# The data plane hears of endpoints within a second; until then a process that is to stop may get calls.
DRAIN_SECONDS: Final = 2.5
_HURRY_SECONDS: Final = 0.1
_CALM_SECONDS: Final = 0.5
_AFTER_FAULT_SECONDS: Final = 1.0
_TIDY_SECONDS: Final = 1.0
_SETTLE_SECONDS: Final = 3.0
_TAKEN_AFTER: Final = 2

Key = tuple[str, str]


@dataclass(slots=True)
class _Memory:
    """What it knows of one deployment beside its plan."""

    row: SeldonDeployment
    told: dict[str, Any] | None = None
    report: dict[str, Any] | None = None
    since: float = 0.0
    last: DeploymentPlan | None = None


class Reconciler:
    """`turn` does what is due and says when to come again; `wake` may be called from any thread."""

    def __init__(self, run_folder: Path, store: BundleStore, around: Surroundings) -> None:
        self.run_folder = run_folder
        self.store = store
        self.around = around
        self._state = read_state(run_folder)
        self._watch = Watch()
        self._plans: dict[Key, DeploymentPlan] = {}
        self._known: dict[Key, _Memory] = {}
        self._faults: dict[Key, str] = {}
        # By the names of instances, why their processes were killed.
        self._reasons: dict[str, str] = {}
        self._bell = threading.Event()
        self._is_stale = True
        # Of the bundles, secrets and config maps that the plans were made from.
        self._mark: tuple[float, float] = (-1.0, -1.0)
        self._values_mark = -1.0
        self._tidied = 0.0

    def run(self, stopping: threading.Event) -> None:
        """Go round until told to stop; what runs goes on running."""
        self._settle()
        while not stopping.is_set():
            self._bell.wait(self._guarded_turn())
            self._bell.clear()
        self._watch.close()

    def wake(self, keys: frozenset[str] | None = None) -> None:
        """The manifests may have changed; also a handler of the change feed."""
        self._is_stale = True
        self._bell.set()

    def turn(self) -> float:
        """Everything that is due; seconds until the next turn."""
        self._load()
        machine = read_status(self.run_folder)
        parts = {part.name: part for part in machine.parts} if machine else {}
        self._watch.look(self._state.instances, parts, clock.monotonic())
        self._end_bad(parts)
        before = (list(self._state.instances), dict(self._state.served))
        for key in sorted({*self._plans, *self._state.served, *map(_deployment_of, self._state.instances)}):
            self._guarded_step(key)
        self._let_go()
        if before != (self._state.instances, self._state.served):
            write_state(self.run_folder, self._state)
            write_targets(self.run_folder, self._state.instances)
        for key, plan in self._plans.items():
            if key not in self._faults:
                self._report(key, plan, machine, parts)
        return _HURRY_SECONDS if self._is_busy() else _CALM_SECONDS

    # -- what is wanted ----------------------------------------------------------------------------

    def _settle(self) -> None:
        """Before the first turn, ask whatever runs already: nobody shall lose traffic for our restart."""
        machine = read_status(self.run_folder)
        parts = {part.name: part for part in machine.parts} if machine else {}
        for _ in range(2):
            self._watch.look(self._state.instances, parts, clock.monotonic())
            self._watch.settle(_SETTLE_SECONDS)

    def _guarded_turn(self) -> float:
        try:
            return self.turn()
        except (DatabaseError, InterfaceError, OSError, SeldonError) as error:
            # What runs goes on; the next turn tries again, on a new connection: the old one may be dead.
            logger.warning("deployments: %s", error)
            connection.close()
            self._is_stale = True
            return _AFTER_FAULT_SECONDS

    def _load(self) -> None:
        mark = (self.store.changed_at(), self._values_mark)
        if not self._is_stale and mark == self._mark:
            return
        self._is_stale, self._mark = False, mark
        rows = SeldonDeployment.objects.for_all_clients().select_related("client")
        found = {(row.client.name, row.name): row for row in rows.filter(client__is_active=True)}
        plans = {key: plan for key, row in found.items() if (plan := self._plan(key, row))}
        for key, row in found.items():
            self._known.setdefault(key, _Memory(row)).row = row
        self._plans = plans

    def _look_at_values(self) -> None:
        if self.around.values is not None:
            self._values_mark = changed_at(self.around.values)

    def _plan(self, key: Key, row: SeldonDeployment) -> DeploymentPlan | None:
        """What it wants; with a fault what it wanted before, so that what runs goes on."""
        try:
            plan = plan_deployment(
                key[0], row.generation, manifest_from(row.manifest), self.store, self.around
            )
        except Exception as error:  # noqa: BLE001
            # A door: what an older release took, or nobody foresaw, must not keep the others from running.
            self._note_fault(key, row, error)
            return self._plans.get(key) or self._state.served.get(key)
        self._faults.pop(key, None)
        return plan

    def _note_fault(self, key: Key, row: SeldonDeployment, error: Exception) -> None:
        words = error.message if isinstance(error, SeldonError) else f"{type(error).__name__}: {error}"
        if self._faults.get(key) != words:
            logger.error("deployment %s of %s cannot be run", key[1], key[0], exc_info=error)
            self._faults[key] = words
            note_status(row, {"state": "Failed", "description": words, "observedGeneration": row.generation})

    # -- one deployment ----------------------------------------------------------------------------

    def _guarded_step(self, key: Key) -> None:
        try:
            self._step(key)
        except SeldonError as error:
            if key not in self._known:
                raise
            self._note_fault(key, self._known[key].row, error)

    def _step(self, key: Key) -> None:
        mine = [
            each
            for each in self._state.instances
            if _deployment_of(each) == key and each.drains_since is None
        ]
        decision = decide(self._plans.get(key), self._state.served.get(key), mine, self._watch.is_ready)
        self._serve(key, decision)
        room = max(0, settings.DEPLOYMENTS_MAX_PROCESSES - len(self._state.instances))
        for plan in decision.starts[:room]:
            self._start(plan)
        for each in decision.drains:
            self._replace(each, replace(each, drains_since=clock.now().timestamp()))
            logger.info("%s gets no new calls", each.name)

    def _serve(self, key: Key, decision: Decision) -> None:
        """Tell the data plane, before anything that it may call is stopped."""
        serves = decision.serves
        if serves is None:
            self._end_serving(key)
            return
        serving = with_endpoints(
            serves.skeleton, lambda predictor, unit: self._endpoints(decision, predictor, unit)
        )
        known = self._known[key]
        if serving != known.told:
            put_deployment(client=known.row.client, name=key[1], serving=serving)
            known.told = serving
        self._state.served[key] = serves

    def _end_serving(self, key: Key) -> None:
        client = Client.objects.filter(name=key[0]).first()
        if client is not None and key in self._state.served:
            with contextlib.suppress(DeploymentMissingError):
                remove_deployment(client=client, name=key[1])
        self._state.served.pop(key, None)
        self._known.pop(key, None)

    def _endpoints(self, decision: Decision, predictor: str, name: str) -> list[str]:
        assert decision.serves
        plan = decision.serves
        unit = plan.unit(UnitKey(plan.client, plan.name, predictor, name))
        return endpoints_of(unit, decision.active, self._watch.is_ready) if unit else []

    def _start(self, plan: UnitPlan) -> None:
        taken = {each.slot for each in self._state.instances if each.key == plan.key}
        slot = next(number for number in range(len(taken) + 1) if number not in taken)
        made = Instance(plan, slot, self._free_ports(), clock.now().timestamp())
        self._reasons.pop(made.name, None)
        make_folders(made)
        self._state.instances.append(made)
        logger.info("%s is to start: %s", made.name, plan.image or plan.key.unit)

    def _free_ports(self) -> Ports:
        taken = {
            port
            for each in self._state.instances
            for port in (each.ports.http, each.ports.grpc, each.ports.metrics)
        }
        found = []
        for _ in range(3):
            found.append(ports.free_port(frozenset(taken)))
            taken.add(found[-1])
        return Ports(*found)

    def _replace(self, old: Instance, new: Instance) -> None:
        self._state.instances[self._state.instances.index(old)] = new

    # -- processes ---------------------------------------------------------------------------------

    def _end_bad(self, parts: dict[str, PartStatus]) -> None:
        """Kill what does not live any more or takes too much; the supervisor starts it again."""
        tidies = clock.monotonic() - self._tidied >= _TIDY_SECONDS
        if tidies:
            self._tidied = clock.monotonic()
            self._look_at_values()
        for each in list(self._state.instances):
            part = parts.get(each.name)
            reason = self._watch.dead(each) or (_excess_of(each, part) if tidies else "")
            if part is not None and reason:
                logger.warning("%s: %s; its process is killed and started again", each.name, reason)
                self._reasons[each.name] = reason
                end_now(part)
                self._watch.forget(each)
            elif part is not None and _has_lost_its_port(each, part):
                self._replace(each, replace(each, ports=self._free_ports()))
            if tidies:
                rotate_log(log_of(each, self.run_folder))

    def _let_go(self) -> None:
        now, before = clock.now().timestamp(), self._state.instances
        self._state.instances = [
            each
            for each in before
            if each.drains_since is None or 0 <= now - each.drains_since < DRAIN_SECONDS
        ]
        if gone := [each for each in before if each not in self._state.instances]:
            remove_folders(gone, self._state.instances)

    def _is_busy(self) -> bool:
        return any(
            each.drains_since is not None or not self._watch.is_ready(each) for each in self._state.instances
        )

    # -- status ------------------------------------------------------------------------------------

    def _report(
        self, key: Key, plan: DeploymentPlan, machine: MachineStatus | None, parts: dict[str, PartStatus]
    ) -> None:
        known = self._known[key]
        mine = [each for each in self._state.instances if _deployment_of(each) == key]
        whole = is_whole(
            plan.units, [each for each in mine if each.drains_since is None], self._watch.is_ready
        )
        if whole or known.last != plan:
            known.since, known.last = clock.monotonic(), plan
        served = self._state.served.get(key)
        report = report_of(
            plan,
            Seen(
                instances=tuple(mine),
                parts=parts,
                watch=self._watch,
                reasons=self._reasons,
                url=machine.url if machine else "",
                served=served.generation if served else 0,
                is_whole=whole,
                is_full=len(self._state.instances) >= settings.DEPLOYMENTS_MAX_PROCESSES,
                is_late=clock.monotonic() - known.since > plan.deadline_seconds,
                run_folder=self.run_folder,
            ),
            former=known.report or known.row.status,
        )
        if report != known.report:
            note_status(known.row, report)
            known.report = report


def _deployment_of(instance: Instance) -> Key:
    return instance.key.client, instance.key.deployment


def _excess_of(instance: Instance, part: PartStatus | None) -> str:
    limit = instance.plan.limits.memory_bytes
    if not limit or part is None or not part.pid:
        return ""
    used = memory_of(part.pid)
    return (
        f"it used {used // 2**20} MiB of memory, and its limit is {limit // 2**20} MiB"
        if used > limit
        else ""
    )


def _has_lost_its_port(instance: Instance, part: PartStatus) -> bool:
    """Whether it keeps ending while another program listens where it should."""
    is_down = part.pid is None and part.restarts >= _TAKEN_AFTER
    return is_down and not all(map(ports.is_free, _ports(instance)))


def _ports(instance: Instance) -> Iterable[int]:
    return instance.ports.http, instance.ports.grpc, instance.ports.metrics
