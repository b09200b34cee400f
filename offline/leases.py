"""How workers take runs and write about them: every step is one UPDATE that says what must still be true.

Whoever takes a run owns it for RUN_LEASE_SECONDS from its last sign of life. A worker whose lease was taken
over changes no row any more: neither attempt nor owner are its own. All moments are the database's.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import Case, DateTimeField, Expression, ExpressionWrapper, F, PositiveIntegerField, When
from django.db.models.functions import Now

from common import clock
from offline import metrics
from offline.jobs import JOBS, Job
from offline.jobs.base import JobInput
from offline.models import JobRun, JobRunQuerySet, all_runs
from offline.records import MOST_LOSSES, Claim, Ending

_LOOK_AT: Final = 16
_LONGEST_PAUSE_SECONDS: Final = 3600.0
_FREE: Final[Mapping[str, Any]] = {"owner": "", "lease_until": None, "announced_at": None}

_LOSSES_NOW: Final = Case(
    When(state="running", then=F("losses") + 1), default=F("losses"), output_field=PositiveIntegerField()
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a worker hears when it tells of itself."""

    is_ours: bool
    is_cancelled: bool = False


def from_now(seconds: float) -> Expression:
    """The moment in `seconds`, by the database's clock."""
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())


def lease_end(asked_at: float) -> float:
    """When a lease asked for at `asked_at` counts as over here, a little early; seconds of boot_seconds."""
    return asked_at + 0.9 * float(settings.RUN_LEASE_SECONDS)


def claim_next() -> Claim | None:
    """Take the run that has waited longest; None when there is none. Who ask at once get different ones."""
    waiting = _claimable().order_by("id").values_list("id", flat=True)[:_LOOK_AT]
    claims = (claim_run(run) for run in list(waiting))
    return next((claim for claim in claims if claim is not None), None)


def claim_run(run: int) -> Claim | None:
    """Take this run; None when it is not to be had: another has it, it has ended, it is not due."""
    asked_at = clock.boot_seconds()
    owner = f"{socket.gethostname()[:80]}:{os.getpid()}:{secrets.token_hex(8)}"
    taken = _claimable().filter(pk=run).update(
        losses=_LOSSES_NOW,
        state="running",
        attempt=F("attempt") + 1,
        owner=owner,
        lease_until=from_now(settings.RUN_LEASE_SECONDS),
        heartbeat_at=Now(),
        started_at=Now(),
        announced_at=None,
        done=0,
        total=0,
        note="",
    )  # fmt: skip
    if not taken:
        return None
    row = all_runs().select_related("client").filter(pk=run, owner=owner).first()
    return _claim(row, lease_end(asked_at)) if row is not None else None


def tell(claim: Claim, news: Mapping[str, Any]) -> Heard:
    """Renew the lease and write `news` (columns of the run), if it is still this worker's."""
    lease = {"lease_until": from_now(settings.RUN_LEASE_SECONDS), "heartbeat_at": Now()}
    if not _owned(claim).update(**lease, **news):
        return Heard(is_ours=False)
    return Heard(True, not _owned(claim).filter(cancel_requested_at=None).exists())


def end(claim: Claim, job: Job, ending: Ending, news: Mapping[str, Any]) -> str:
    """Write how the attempt ended, if it is still this worker's; returns the run's state now.

    The state is `lost` when another has the run: nothing was written.
    """
    state, columns = _columns(claim, job, ending)
    rows = _owned(claim)
    # Of a run that is cancelled at this moment there will be no other attempt.
    if state == "queued" and not rows.filter(cancel_requested_at=None).update(**news, **columns, **_FREE):
        state, columns = _columns(claim, job, Ending("cancelled", error=ending.error, code=ending.code))
    if state != "queued" and not rows.update(**news, **columns, **_FREE):
        metrics.LOST.add((claim.job,))
        return "lost"
    metrics.note_end(claim.job, ending.how if state == "queued" else state, news.get("seconds") or 0.0)
    return state


def settle_lost() -> int:
    """End the runs that nobody will go on with: lost while being cancelled, or lost too often."""
    lost = all_runs().lost()
    cancelled = lost.exclude(cancel_requested_at=None).update(
        state="cancelled", finished_at=Now(), error="It was cancelled, and its worker was lost.", **_FREE
    )
    error = f"Its worker was lost {MOST_LOSSES} times."
    failed = lost.filter(losses__gte=MOST_LOSSES).update(
        state="failed", finished_at=Now(), error=error, error_code="worker_lost", **_FREE
    )
    return int(cancelled + failed)


def _claimable() -> JobRunQuerySet:
    # A job that only a newer version knows waits for a worker of that version.
    return all_runs().claimable().filter(job__in=list(JOBS))


def _owned(claim: Claim) -> JobRunQuerySet:
    return all_runs().filter(pk=claim.run, state="running", attempt=claim.attempt, owner=claim.owner)


def _claim(row: JobRun, until: float) -> Claim:
    if row.losses:
        metrics.TAKEOVERS.add((row.job,))
    return Claim(
        run=row.pk,
        owner=row.owner,
        attempt=row.attempt,
        job=row.job,
        given=JobInput(row.client.name if row.client else None, row.day, row.parameters),
        failures=row.failures,
        log=row.log,
        log_end=row.log_end,
        lease_end=until,
    )


def _columns(claim: Claim, job: Job, ending: Ending) -> tuple[str, dict[str, Any]]:
    """The state after `ending`, and all columns that change by it."""
    state = ending.how
    columns: dict[str, Any] = {"error": ending.error, "error_code": ending.code}
    if ending.how == "released":
        return "queued", {"state": "queued"}
    if ending.how == "succeeded":
        columns["result"] = ending.result
    if ending.how == "failed":
        columns["failures"] = failures = claim.failures + 1
        if ending.may_help and failures < job.max_attempts:
            pause = min(job.retry_seconds * 2 ** min(failures - 1, 20), _LONGEST_PAUSE_SECONDS)
            return "queued", {**columns, "state": "queued", "due_at": from_now(pause)}
    return state, {**columns, "state": state, "finished_at": Now()}
