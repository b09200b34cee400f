"""The JSON forms of microservices, their health, and what came of trying one."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from predictions.models import Microservice
from predictions.records import PROTOCOL_NAMES, LocalProcess, MicroserviceSpec


class HealthSerializer(serializers.Serializer[Any]):
    """How a microservice does, over all workers."""

    state = serializers.ChoiceField(["good", "failing", "resting", "unused"])
    calls = serializers.IntegerField()
    failures = serializers.DictField(child=serializers.IntegerField(), help_text="Counts by outcome.")
    open_workers = serializers.IntegerField(help_text="Workers whose circuit breaker rests.")
    p50_seconds = serializers.FloatField()
    p99_seconds = serializers.FloatField()


class MicroserviceSerializer(serializers.ModelSerializer[Microservice]):
    """A registered microservice."""

    command = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Microservice
        fields = (
            "name",
            "url",
            "protocol",
            "deadline_seconds",
            "concurrency_limit",
            "command",
            "directory",
            "created_at",
            "updated_at",
        )


class MicroserviceHealthSerializer(MicroserviceSerializer):
    """A registered microservice and how it does."""

    health = HealthSerializer()

    class Meta(MicroserviceSerializer.Meta):
        fields = (*MicroserviceSerializer.Meta.fields, "health")  # type: ignore[assignment]


class MicroserviceBodySerializer(serializers.Serializer[Any]):
    """Where a microservice is and what it speaks.

    With a `command` (operators only) this machine starts it; `{port}` in it stands for the port of the URL,
    which is chosen when none is given.
    """

    url = serializers.CharField(max_length=1000, default="", allow_blank=True)
    protocol = serializers.ChoiceField(PROTOCOL_NAMES, default="seldon")
    deadline_seconds = serializers.FloatField(min_value=0.001, max_value=600, default=5.0)
    concurrency_limit = serializers.IntegerField(min_value=1, max_value=10_000, default=64)
    command = serializers.ListField(
        child=serializers.CharField(max_length=4000), max_length=100, default=list
    )
    directory = serializers.CharField(max_length=1000, default="", allow_blank=True)


class NewMicroserviceSerializer(MicroserviceBodySerializer):
    """The microservice to register."""

    name = serializers.RegexField(r"^[A-Za-z0-9_.-]{1,64}$")


class SampleSerializer(serializers.Serializer[Any]):
    """What to send; the protocol's own sample when nothing is given."""

    sample = serializers.JSONField(
        default=None, allow_null=True, help_text="The body as a caller would send it."
    )


class ProbeSerializer(serializers.Serializer[Any]):
    """What was asked, what came back, and how long it took."""

    method = serializers.CharField()
    url = serializers.CharField()
    request_body = serializers.CharField()
    status = serializers.IntegerField(help_text="0 when there was no answer.")
    content_type = serializers.CharField()
    answer_body = serializers.CharField()
    seconds = serializers.FloatField()
    problem = serializers.CharField(help_text="Empty when the answer is a prediction.")


def spec_of(name: str, body: dict[str, Any]) -> MicroserviceSpec:
    """The spec that a checked body describes."""
    return MicroserviceSpec(
        name=name,
        url=body["url"],
        protocol=body["protocol"],
        deadline_seconds=body["deadline_seconds"],
        concurrency_limit=body["concurrency_limit"],
    )


def process_of(body: dict[str, Any]) -> LocalProcess:
    """The process that a checked body describes."""
    return LocalProcess(tuple(body["command"]), body["directory"])
