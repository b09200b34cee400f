"""What is counted of runs."""

from __future__ import annotations

from typing import Final

from common.metrics import Counter, Gauge

ENDED: Final = Counter("seldon_runs_ended", "Attempts of runs by how they ended.", ("job", "outcome"))
SECONDS: Final = Counter("seldon_run_seconds", "Time that attempts of runs took.", ("job",))
TAKEOVERS: Final = Counter("seldon_run_takeovers", "Runs taken over from a worker that was lost.", ("job",))
LOST: Final = Counter("seldon_runs_lost", "Attempts whose run another worker had taken meanwhile.", ("job",))
STARTED: Final = Counter("seldon_runs_scheduled", "Runs started by a schedule.", ("job",))
UNDER_WAY: Final = Gauge("seldon_runs_under_way", "Runs by job and state.", ("job", "state"))


def note_end(job: str, outcome: str, seconds: float) -> None:
    """Count the end of one attempt."""
    ENDED.add((job, outcome))
    SECONDS.add((job,), seconds)


def show_under_way(counts: dict[tuple[str, str], int]) -> None:
    """Replace the gauge by `counts`."""
    gone = [labels for labels in UNDER_WAY.values if labels not in counts]
    for labels in gone:
        UNDER_WAY.set(0, labels)
    for labels, count in counts.items():
        UNDER_WAY.set(count, labels)
