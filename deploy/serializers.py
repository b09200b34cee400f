"""The JSON forms of deployments, of what is asked of them, and of their histories and logs."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from deploy.models import Generation, SeldonDeployment


class DeploymentSerializer(serializers.ModelSerializer[SeldonDeployment]):
    """A deployment: its manifest as it was given, and how it does."""

    client = serializers.CharField(source="client.name")
    state = serializers.ChoiceField(["Available", "Creating", "Failed"])
    manifest = serializers.JSONField()
    status = serializers.JSONField(help_text="As Kubernetes shows it, with `units` and their processes.")

    class Meta:
        model = SeldonDeployment
        fields = (
            "client",
            "name",
            "state",
            "generation",
            "manifest",
            "status",
            "created_at",
            "updated_at",
        )


class DeploymentFilterSerializer(serializers.Serializer[Any]):
    """Which deployments are asked for."""

    client = serializers.RegexField(r"^[A-Za-z0-9_.-]{1,64}$", required=False, help_text="Of this client.")


class AppliedSerializer(serializers.Serializer[Any]):
    """What became of a manifest."""

    client = serializers.CharField()
    name = serializers.CharField()
    change = serializers.ChoiceField(["created", "configured", "unchanged"])
    generation = serializers.IntegerField()
    cautions = serializers.ListField(child=serializers.CharField(), help_text="Warnings; nothing is refused.")


class ScaleSerializer(serializers.Serializer[Any]):
    """How many processes every container has, or those of one predictor."""

    replicas = serializers.IntegerField(min_value=0, max_value=1000)
    predictor = serializers.CharField(max_length=253, default="", allow_blank=True)


class PromotionSerializer(serializers.Serializer[Any]):
    """The predictor that gets the traffic, or some percent of it."""

    predictor = serializers.CharField(max_length=253)
    traffic = serializers.IntegerField(min_value=0, max_value=100, default=100)


class DeploymentRollbackSerializer(serializers.Serializer[Any]):
    """The generation to go back to; the one before when it is left out."""

    generation = serializers.IntegerField(min_value=1, max_value=2**31 - 1, default=None, allow_null=True)


class GenerationSerializer(serializers.ModelSerializer[Generation]):
    """What a deployment was at one time."""

    manifest = serializers.JSONField()

    class Meta:
        model = Generation
        fields = ("number", "reason", "made_by", "made_at", "manifest")


class LogFilterSerializer(serializers.Serializer[Any]):
    """Whose log is asked for, and how much of it."""

    predictor = serializers.CharField(max_length=253, required=False)
    unit = serializers.CharField(max_length=253, required=False)
    lines = serializers.IntegerField(min_value=1, max_value=10_000, default=100, required=False)


class ProcessLogSerializer(serializers.Serializer[Any]):
    """The last lines of one process."""

    process = serializers.CharField()
    lines = serializers.ListField(child=serializers.CharField())


class FiguresFilterSerializer(serializers.Serializer[Any]):
    """Of how long figures are asked for."""

    minutes = serializers.IntegerField(min_value=1, max_value=1440, default=60, required=False)


class BranchSerializer(serializers.Serializer[Any]):
    """One child of a router."""

    branch = serializers.IntegerField()
    child = serializers.CharField()
    chosen = serializers.IntegerField(help_text="How often in these minutes.")
    share = serializers.FloatField(allow_null=True, help_text="Of all choices, 0 to 1.")
    rewards = serializers.FloatField(allow_null=True, help_text="How many were ever given.")
    reward = serializers.FloatField(allow_null=True, help_text="Their mean, 0 to 1.")


class CallsSerializer(serializers.Serializer[Any]):
    """Calls of something, and how long they took."""

    name = serializers.CharField()
    calls = serializers.IntegerField()
    failed = serializers.IntegerField()
    p50_seconds = serializers.FloatField(allow_null=True)
    p99_seconds = serializers.FloatField(allow_null=True)


class UnitFiguresSerializer(CallsSerializer):
    """A unit of a predictor."""

    state = serializers.JSONField(allow_null=True, help_text="What the unit says at /health/status.")
    branches = BranchSerializer(many=True, required=False, help_text="Of routers.")


class PredictorFiguresSerializer(CallsSerializer):
    """A predictor as a whole, and its units."""

    units = UnitFiguresSerializer(many=True)


class FiguresSerializer(serializers.Serializer[Any]):
    """How a deployment did in the last minutes."""

    minutes = serializers.IntegerField()
    predictors = PredictorFiguresSerializer(many=True)
