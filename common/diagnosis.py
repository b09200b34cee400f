"""What can be wrong with a machine: findings, the probes that look for them, and running all at once.

Each part brings its own probes in a module `diagnosis` beside its code: functions marked with `@probe`. They
are found by that name, so a lower layer knows nothing of who asks.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from common import clock

logger = logging.getLogger(__name__)

Severity = Literal["fine", "note", "warning", "error"]
SEVERITIES: Final[tuple[Severity, ...]] = ("fine", "note", "warning", "error")
# In the order in which people read them.
AREAS: Final = (
    "settings", "versions", "database", "redis", "configuration", "disk", "spool", "destinations", "clock",
    "permissions", "limits", "machine", "microservices", "deployments", "runs",
)  # fmt: skip
DEADLINE_SECONDS: Final = 8.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was seen. `id` never changes; `mend` is a command or a step that makes it right.

    fine: as it should be. note: worth knowing. warning: will hurt. error: hurts now.
    """

    id: str
    severity: Severity
    what: str
    where: str = ""
    mend: str = ""

    @property
    def area(self) -> str:
        """The part of the id before its dot."""
        return self.id.partition(".")[0]


Look = Callable[[], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Probe:
    """A look at one area; its findings have ids `<area>.<word>`."""

    area: str
    name: str
    look: Look


PROBES: Final[dict[str, Probe]] = {}


def probe(area: str) -> Callable[[Look], Look]:
    """Marks a function that looks at `area` and yields findings; it may raise, and may take its time."""

    def register(look: Look) -> Look:
        name = f"{look.__module__}.{getattr(look, '__name__', 'look')}"
        PROBES[name] = Probe(area, name, look)
        return look

    return register


def run_probes(probes: Iterable[Probe], deadline_seconds: float = DEADLINE_SECONDS) -> list[Finding]:
    """What all of them find, looked for at the same time, ordered by area.

    One that fails or does not end in time is a finding itself; nobody waits longer than the deadline.
    """
    wanted = list(probes)
    answers: queue.SimpleQueue[tuple[Probe, list[Finding]]] = queue.SimpleQueue()
    for each in wanted:
        # Not waited for at the end of the process either: a dead file server holds a thread for ever.
        threading.Thread(target=_answer, args=(each, answers), name=each.name, daemon=True).start()
    found = _collect(answers, len(wanted), deadline_seconds)
    findings = [finding for each in found.values() for finding in each]
    findings += [_no_answer(each, deadline_seconds) for each in wanted if each.name not in found]
    return sorted(findings, key=_place)


def worst(findings: Sequence[Finding]) -> Severity:
    """The gravest severity among them."""
    places = [SEVERITIES.index(finding.severity) for finding in findings]
    return SEVERITIES[max(places, default=0)]


def _answer(each: Probe, answers: queue.SimpleQueue[tuple[Probe, list[Finding]]]) -> None:
    try:
        found = list(each.look())
    except Exception as error:
        logger.debug("probe %s failed", each.name, exc_info=error)
        found = [_failed(each, error)]
    answers.put((each, found))


def _collect(
    answers: queue.SimpleQueue[tuple[Probe, list[Finding]]], wanted: int, deadline_seconds: float
) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    end = clock.monotonic() + deadline_seconds
    while len(found) < wanted:
        try:
            each, findings = answers.get(timeout=max(0.0, end - clock.monotonic()))
        except queue.Empty:
            break
        found[each.name] = findings
    return found


def _failed(each: Probe, error: Exception) -> Finding:
    text = str(error).strip().partition("\n")[0]
    what = f"could not be looked at: {type(error).__name__}{f': {text}' if text else ''}"
    return Finding(f"{each.area}.probe-failed", "error", what, each.name, "seldon-cli --debug doctor")


def _no_answer(each: Probe, deadline_seconds: float) -> Finding:
    what = f"no answer within {deadline_seconds:g} s"
    mend = "see what holds it (a file server, a database, a name server), or give it --deadline 60"
    return Finding(f"{each.area}.no-answer", "error", what, each.name, mend)


def _place(finding: Finding) -> tuple[int, int, str, str]:
    area = AREAS.index(finding.area) if finding.area in AREAS else len(AREAS)
    return area, -SEVERITIES.index(finding.severity), finding.id, finding.where
