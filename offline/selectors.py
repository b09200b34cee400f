"""What is shown of runs: lists, counts, and how long the last ones took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count

from clients.models import Client
from offline.models import JobRun, JobRunQuerySet, all_runs, runs_of

HISTORY: Final = 60


@dataclass(frozen=True, slots=True)
class LogPiece:
    """A part of a run's log from `offset` on; `skipped` characters before it are no longer kept."""

    text: str
    offset: int
    next_offset: int
    skipped: int


def counts_under_way() -> dict[tuple[str, str], int]:
    """How many runs wait or run, by job and state."""
    rows = all_runs().under_way().order_by().values_list("job", "state").annotate(Count("id"))
    return {(job, state): count for job, state, count in rows}


def filtered_runs(client: Client | None, wanted: Mapping[str, Any]) -> JobRunQuerySet:
    """Runs newest first, of `client` when one is given; `wanted` may name job, state, day, since, until."""
    runs = all_runs() if client is None else runs_of(client)
    columns = {
        "job": "job",
        "state": "state",
        "day": "day",
        "since": "requested_at__gte",
        "until": "requested_at__lt",
    }
    chosen = {column: wanted[name] for name, column in columns.items() if wanted.get(name) is not None}
    return runs.filter(**chosen).select_related("client").without_long_texts()


def former_runs(run: JobRun) -> list[JobRun]:
    """The last finished runs of the same job and client, oldest first."""
    runs = (
        all_runs().filter(client=run.client_id, job=run.job).exclude(seconds=None).exclude(finished_at=None)
    )
    return list(runs.without_long_texts()[:HISTORY])[::-1]


def log_piece(run: JobRun, offset: int = 0) -> LogPiece:
    """The run's log from `offset` (characters since its beginning) on, as far as it is kept."""
    first = run.log_end - len(run.log)
    start = min(max(offset, first), run.log_end)
    return LogPiece(run.log[start - first :], start, run.log_end, max(0, start - max(0, offset)))
