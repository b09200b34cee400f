"""The tables of microservices, and of what deployments serve."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from clients.models import Client
from clients.ownership import OwnedManager
from common import clock
from predictions.records import PROTOCOL_NAMES, MicroserviceSpec

PROTOCOL_CHOICES: list[tuple[str, str]] = [
    ("seldon", "Seldon Core"),
    ("legacy", "Seldon Server: /predict?client&json, or Classify over gRPC"),
    ("v2", "Open Inference Protocol (v2)"),
]
assert {name for name, _ in PROTOCOL_CHOICES} == set(PROTOCOL_NAMES)


class Microservice(models.Model):
    """Something that predicts, reached at a URL; with a `command` it is a process of this machine too."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="microservices")
    name = models.CharField(max_length=64)
    url = models.CharField("URL", max_length=1000)
    protocol = models.CharField(max_length=16, choices=PROTOCOL_CHOICES, default="seldon")
    deadline_seconds = models.FloatField(
        default=5.0, validators=[MinValueValidator(0.001), MaxValueValidator(600)]
    )
    # Calls under way at once, per worker.
    concurrency_limit = models.PositiveIntegerField(
        default=64, validators=[MinValueValidator(1), MaxValueValidator(10_000)]
    )
    # Words of a command line that `seldon-cli serve` keeps running; `{port}` stands for the URL's port.
    command = models.JSONField(default=list, blank=True)
    directory = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    objects: ClassVar[OwnedManager[Microservice]] = OwnedManager()

    class Meta:
        ordering: ClassVar = ["client", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["client", "name"], name="one_microservice_of_a_name")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def spec(self) -> MicroserviceSpec:
        """The row as the data plane holds it."""
        return MicroserviceSpec(
            name=self.name,
            url=self.url,
            protocol=self.protocol,
            deadline_seconds=self.deadline_seconds,
            concurrency_limit=self.concurrency_limit,
            is_local=bool(self.command),
        )


class Deployment(models.Model):
    """What a deployment serves right now, written by whoever runs its units."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="deployments")
    name = models.CharField(max_length=253)
    # Protocol, predictors, their graphs and the endpoints that are ready; graphs/serving.py reads it.
    serving = models.JSONField(default=dict)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    objects: ClassVar[OwnedManager[Deployment]] = OwnedManager()

    class Meta:
        ordering: ClassVar = ["client", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["client", "name"], name="one_deployment_of_a_name")
        ]

    def __str__(self) -> str:
        return self.name


class GraphMinute(models.Model):
    """What one process saw of one predictor of a deployment in one minute.

    `writer` is as with TrafficMinute: each row has one writer, which writes its sums whole.
    """

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="graph_traffic")
    deployment = models.CharField(max_length=253)
    predictor = models.CharField(max_length=253)
    minute = models.DateTimeField()
    writer = models.BigIntegerField()
    # By unit, of the predictor as a whole by "": [calls that failed, counts per bucket of common.metrics…]
    units = models.JSONField(default=dict)
    # By router: counts by the number of the child.
    routes = models.JSONField(default=dict)

    objects: ClassVar[OwnedManager[GraphMinute]] = OwnedManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["client", "deployment", "predictor", "minute", "writer"],
                name="one_graph_row_per_writer",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["minute"], name="graph_minute")]

    def __str__(self) -> str:
        return f"{self.deployment}/{self.predictor} {self.minute:%Y-%m-%d %H:%M}"
