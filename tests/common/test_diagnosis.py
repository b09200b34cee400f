"""Probes run at once, end in time, and their faults are findings."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from common.diagnosis import Finding, Look, Probe, run_probes, worst

GOOD = Finding("disk.room", "fine", "room")
BAD = Finding("disk.full", "error", "full")


def probe_of(look: Look, area: str = "disk") -> Probe:
    return Probe(area, look.__name__, look)


def test_worst_of_nothing_is_fine() -> None:
    assert (worst([]), worst([GOOD]), worst([GOOD, BAD])) == ("fine", "fine", "error")


def test_findings_come_by_area_and_the_gravest_first() -> None:
    def disk() -> Iterator[Finding]:
        yield from (GOOD, BAD)

    def settings() -> Iterator[Finding]:
        yield Finding("settings.good", "fine", "good")

    found = run_probes([probe_of(disk), probe_of(settings, "settings")])
    assert [finding.id for finding in found] == ["settings.good", "disk.full", "disk.room"]


def test_probe_that_fails_is_a_finding_of_its_area() -> None:
    def failing() -> Iterator[Finding]:
        raise RuntimeError("no such thing\nand more")

    [found] = run_probes([probe_of(failing)])
    assert (found.id, found.severity) == ("disk.probe-failed", "error")
    assert found.what == "could not be looked at: RuntimeError: no such thing"


def test_probe_that_hangs_is_given_up_and_keeps_nobody_waiting() -> None:
    released = threading.Event()

    def hanging() -> Iterator[Finding]:
        released.wait(60)
        yield GOOD

    def quick() -> Iterator[Finding]:
        yield BAD

    found = run_probes([probe_of(hanging), probe_of(quick)], deadline_seconds=1)
    released.set()
    assert [finding.id for finding in found] == ["disk.full", "disk.no-answer"]


def test_probes_run_at_the_same_time() -> None:
    barrier = threading.Barrier(2, timeout=60)

    def one() -> Iterator[Finding]:
        barrier.wait()
        yield GOOD

    def other() -> Iterator[Finding]:
        barrier.wait()
        yield BAD

    assert worst(run_probes([probe_of(one), probe_of(other)], deadline_seconds=60)) == "error"
    assert not barrier.broken
