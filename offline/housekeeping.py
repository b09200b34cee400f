"""The job that deletes what is known of runs that ended long ago."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.conf import settings

from common import clock
from offline.jobs.base import Job, JobContext, JobInput
from offline.models import ScheduleCursor, all_runs

_ROWS: Final = 500
# A schedule that was taken out may come back for this long and goes on where it was.
_CURSOR_DAYS: Final = 400


def sweep_runs(given: JobInput, context: JobContext) -> dict[str, Any]:
    """Deletes runs that ended more than RUNS_KEEP_DAYS ago, and what is left of former schedules."""
    deleted = 0
    while settings.RUNS_KEEP_DAYS and (some := _outdated()):
        deleted += all_runs().filter(pk__in=some).delete()[0]
        context.report(deleted, 0, f"{deleted} runs deleted")
    before = clock.now() - timedelta(days=_CURSOR_DAYS)
    ScheduleCursor.objects.for_all_clients().filter(updated_at__lt=before).delete()
    return {"deleted": deleted}


def _outdated() -> list[int]:
    before = clock.now() - timedelta(days=settings.RUNS_KEEP_DAYS)
    return list(all_runs().filter(finished_at__lt=before).values_list("pk", flat=True)[:_ROWS])


JOB: Final = Job(
    name="sweep_runs",
    summary="Delete what is known of runs that ended long ago.",
    run=sweep_runs,
    is_per_client=False,
    timeout_seconds=3600,
    is_heavy=False,
)
