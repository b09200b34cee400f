"""The tables of background work: runs, which are the truth about it, and how far each schedule has come."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Self, cast

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from clients.models import Client
from clients.ownership import OwnedManager, OwnedQuerySet
from common import clock
from offline.records import FINISHED, MOST_LOSSES, STATES, UNDER_WAY, date_of
from offline.sealing import ParametersField

_CHOICES = [(state, state) for state in STATES]


class JobRunQuerySet(OwnedQuerySet["JobRun"]):
    """Runs. Times are compared within the database, by its clock: those of the workers do not matter."""

    def under_way(self) -> Self:
        """Those that wait or run."""
        return self.filter(state__in=UNDER_WAY)

    def due(self) -> Self:
        """Those that wait and may be started now."""
        return self.filter(Q(due_at=None) | Q(due_at__lte=Now()), state="queued")

    def lost(self) -> Self:
        """Those whose worker no longer tells of itself."""
        return self.filter(state="running", lease_until__lt=Now())

    def claimable(self) -> Self:
        """Those that a worker may take."""
        return self.due() | self.lost().filter(cancel_requested_at=None, losses__lt=MOST_LOSSES)

    def without_long_texts(self) -> Self:
        """For lists: log and result stay in the database."""
        return self.defer("log", "result")


class JobRun(models.Model):  # type: ignore[django-manager-missing]
    """One execution of a job for a client (or for the installation) and a day; its attempts are counted."""

    client = models.ForeignKey(Client, null=True, blank=True, on_delete=models.CASCADE, related_name="runs")
    job = models.CharField(max_length=64)
    # Unix epoch day, UTC.
    day = models.IntegerField()
    parameters = ParametersField(default=dict, blank=True)
    state = models.CharField(max_length=16, choices=_CHOICES, default="queued")
    # Grows whenever a worker takes the run; only the worker of the present attempt may write.
    attempt = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    losses = models.PositiveIntegerField(default=0)
    # Not to be started before; empty: at once.
    due_at = models.DateTimeField(null=True, blank=True)
    owner = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    # When a broker was last told of it.
    announced_at = models.DateTimeField(null=True, blank=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    note = models.CharField(max_length=200, blank=True)
    # The last of the log, which is `log_end` characters long in all.
    log = models.TextField(blank=True)
    log_end = models.BigIntegerField(default=0)
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    requested_by = models.CharField(max_length=200)
    retry_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="retries"
    )
    requested_at = models.DateTimeField(default=clock.now, editable=False)
    # Of the last attempt.
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)

    objects: ClassVar[OwnedManager[JobRun]] = OwnedManager.from_queryset(JobRunQuerySet)()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["client", "job", "day"],
                condition=Q(state__in=UNDER_WAY),
                name="one_run_of_a_client_under_way",
            ),
            # NULL is never equal to NULL.
            models.UniqueConstraint(
                fields=["job", "day"],
                condition=Q(state__in=UNDER_WAY, client=None),
                name="one_run_of_all_under_way",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "id"], condition=Q(state__in=UNDER_WAY), name="runs_under_way"),
            models.Index(fields=["client", "-id"], name="runs_of_client"),
            models.Index(fields=["job", "-id"], name="runs_of_job"),
            models.Index(fields=["finished_at"], name="runs_finished"),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}: {self.job}"

    @property
    def whose(self) -> str:
        """The client's name; a dash for the whole installation."""
        return self.client.name if self.client else "-"

    @property
    def date(self) -> date:
        """The day as a date."""
        return date_of(self.day)

    @property
    def is_finished(self) -> bool:
        """True when nothing will change any more."""
        return self.state in FINISHED

    @property
    def is_cancelling(self) -> bool:
        """True while it runs although it was cancelled."""
        return self.state == "running" and self.cancel_requested_at is not None

    @property
    def share(self) -> float | None:
        """How much is done, 0 to 1; None when the job has not said how much there is."""
        return min(1.0, max(0.0, self.done / self.total)) if self.total > 0 else None


def all_runs() -> JobRunQuerySet:
    """Runs of every client and of the installation: for workers and operators."""
    return cast("JobRunQuerySet", JobRun.objects.for_all_clients())


def runs_of(client: Client) -> JobRunQuerySet:
    """The runs of a client."""
    return cast("JobRunQuerySet", JobRun.objects.for_client(client))


class ScheduleCursor(models.Model):
    """How far a schedule has come: who moves `due_until` on starts what was due, so it is started once."""

    client = models.ForeignKey(
        Client, null=True, blank=True, on_delete=models.CASCADE, related_name="schedule_cursors"
    )
    name = models.CharField(max_length=64)
    due_until = models.DateTimeField()
    # What came of the last time it was due.
    outcome = models.CharField(max_length=200, blank=True)
    updated_at = models.DateTimeField(default=clock.now)

    objects: ClassVar[OwnedManager[ScheduleCursor]] = OwnedManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["client", "name"], name="one_cursor_of_a_schedule"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(client=None), name="one_cursor_of_a_common_schedule"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.client or '-'} {self.name}"
