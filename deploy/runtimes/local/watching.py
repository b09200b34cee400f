"""How each process does: asked by its probes beside the reconciler, which never waits for an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final

from deploy.runtimes.local.probes import ask
from deploy.runtimes.local.records import Instance, Probe
from deploy.status import PartStatus

_AT_ONCE: Final = 16
# Until it is ready for the first time a process is asked more often than its manifest says.
_EAGER_SECONDS: Final = 0.15

Process = tuple[int, int | None]


@dataclass(slots=True)
class Asked:
    """One probe of one process: its last answers in a row, and the question under way."""

    probe: Probe
    due: float
    good: int = 0
    bad: int = 0
    answer: str = ""
    was_good: bool = False
    question: Future[str] | None = None

    def take(self, now: float) -> bool:
        """Take the answer that has come; True when there was one."""
        if self.question is None or not self.question.done():
            return False
        self.answer = self.question.result()
        self.question = None
        self.good, self.bad = (self.good + 1, 0) if not self.answer else (0, self.bad + 1)
        self.was_good = self.was_good or not self.answer
        self.due = now + (self.probe.period_seconds if self.was_good else _EAGER_SECONDS)
        return True


@dataclass(slots=True)
class Health:
    """How one process does."""

    process: Process
    readiness: Asked
    liveness: Asked | None
    is_ready: bool = False

    def judge(self) -> None:
        """From the answers to whether it gets calls."""
        asked = self.readiness
        if asked.good >= asked.probe.successes:
            self.is_ready = True
        elif asked.bad >= asked.probe.failures:
            self.is_ready = False


@dataclass(slots=True)
class Watch:
    """The health of every process by its instance's name."""

    _found: dict[str, Health] = field(default_factory=dict)
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="probe")
    )

    def look(self, instances: Iterable[Instance], parts: Mapping[str, PartStatus], now: float) -> None:
        """Take the answers that have come, and ask what is due; never waits."""
        known = {each.name: each for each in instances}
        for name in self._found.keys() - known.keys():
            del self._found[name]
        for name, instance in known.items():
            part = parts.get(name)
            if part is None or part.pid is None:
                self._found.pop(name, None)
            else:
                self._ask(instance, (part.pid, part.ticks), now)

    def settle(self, seconds: float) -> None:
        """Wait until everything that was asked is answered, at most so long."""
        wait([each.readiness.question for each in self._found.values() if each.readiness.question], seconds)

    def is_ready(self, instance: Instance) -> bool:
        """Whether it may get calls."""
        found = self._found.get(instance.name)
        return found is not None and found.is_ready

    def problem(self, instance: Instance) -> str:
        """What its readiness answered last, empty when all is well."""
        found = self._found.get(instance.name)
        return found.readiness.answer if found else ""

    def dead(self, instance: Instance) -> str:
        """Why its process has to be killed; empty when it lives."""
        found = self._found.get(instance.name)
        asked = found.liveness if found else None
        if asked is None or asked.bad < asked.probe.failures:
            return ""
        return f"liveness probe failed {asked.bad} times: {asked.answer}"

    def forget(self, instance: Instance) -> None:
        """Its process is gone."""
        self._found.pop(instance.name, None)

    def close(self) -> None:
        """Ask nothing any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, instance: Instance, process: Process, now: float) -> None:
        found = self._found.get(instance.name)
        if found is None or found.process != process:
            found = self._found[instance.name] = _unasked(instance, process, now)
        for asked in (found.readiness, found.liveness):
            if asked is None:
                continue
            asked.take(now)
            if asked.question is None and now >= asked.due:
                asked.question = self._pool.submit(ask, instance, asked.probe)
        found.judge()
        if found.liveness is not None and found.liveness.probe.awaits_ready and found.is_ready:
            found.liveness.due = min(found.liveness.due, now + found.liveness.probe.period_seconds)


def _unasked(instance: Instance, process: Process, now: float) -> Health:
    plan = instance.plan
    liveness = (
        Asked(plan.liveness, now + plan.liveness.delay_seconds, was_good=True) if plan.liveness else None
    )
    return Health(process, Asked(plan.readiness, now), liveness)
