"""The JSON forms of runs, their logs, and what starts one."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from offline.models import JobRun
from offline.records import STATES, shown

JOB_NAME: Final = r"^[a-z0-9_]{1,64}$"


class RunSerializer(serializers.ModelSerializer[JobRun]):
    """A run, without its log."""

    client = serializers.CharField(
        source="client.name", default=None, allow_null=True, help_text="null: the whole installation."
    )
    date = serializers.DateField(help_text="The day as a date.")
    parameters = serializers.SerializerMethodField(help_text="Secrets are struck out.")
    share = serializers.FloatField(allow_null=True, help_text="0 to 1; null when it is not known.")
    is_cancelling = serializers.BooleanField(help_text="It runs, and was asked to end.")

    class Meta:
        model = JobRun
        fields: tuple[str, ...] = (
            "id",
            "client",
            "job",
            "day",
            "date",
            "parameters",
            "state",
            "is_cancelling",
            "attempt",
            "failures",
            "losses",
            "done",
            "total",
            "share",
            "note",
            "error",
            "error_code",
            "requested_by",
            "retry_of",
            "requested_at",
            "due_at",
            "started_at",
            "heartbeat_at",
            "finished_at",
            "seconds",
        )

    def get_parameters(self, run: JobRun) -> dict[str, Any]:
        """As they were given, without secrets."""
        masked: dict[str, Any] = shown(run.parameters)
        return masked


class RunDetailSerializer(RunSerializer):
    """A run and its result."""

    result = serializers.JSONField(allow_null=True)

    class Meta(RunSerializer.Meta):
        fields = (*RunSerializer.Meta.fields, "result")


class NewRunSerializer(serializers.Serializer[Any]):
    """The run to start. Without `day` it is the day that ended last (UTC)."""

    job = serializers.RegexField(JOB_NAME)
    client = serializers.RegexField(r"^[A-Za-z0-9_.-]{1,64}$", required=False, allow_null=True, default=None)
    day = serializers.CharField(
        max_length=10,
        required=False,
        help_text="A Unix epoch day such as 16461, or a date such as 2015-01-26.",
    )
    parameters = serializers.DictField(required=False, default=dict)


class RunFilterSerializer(serializers.Serializer[Any]):
    """Which runs are asked for."""

    client = serializers.RegexField(r"^[A-Za-z0-9_.-]{1,64}$", required=False, help_text="Of this client.")
    job = serializers.RegexField(JOB_NAME, required=False, help_text="Of this job.")
    state = serializers.ChoiceField(STATES, required=False)
    day = serializers.IntegerField(min_value=0, max_value=99_999, required=False, help_text="Unix epoch day.")
    since = serializers.DateTimeField(required=False, help_text="Asked for at or after this moment.")
    until = serializers.DateTimeField(required=False, help_text="Asked for before this moment.")


class LogSerializer(serializers.Serializer[Any]):
    """A part of a run's log; ask again with `next_offset` for what comes after it."""

    text = serializers.CharField()
    offset = serializers.IntegerField(help_text="Characters of the log before this text.")
    next_offset = serializers.IntegerField()
    skipped = serializers.IntegerField(help_text="Characters that were asked for and are no longer kept.")
    is_finished = serializers.BooleanField(help_text="Nothing more will come.")
