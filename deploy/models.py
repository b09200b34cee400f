"""The tables of deployments: the manifest as it was given, each generation of it, and how it does."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from clients.models import Client
from clients.ownership import OwnedManager
from common import clock


class SeldonDeployment(models.Model):
    """A deployment as its client wants it. `generation` counts what was changed of the manifest.

    `status` is written by the runtime, in the form of Kubernetes' status of it; with `units` beside.
    """

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="seldon_deployments")
    name = models.CharField(max_length=253)
    generation = models.PositiveIntegerField(default=1)
    manifest = models.JSONField()
    status = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    objects: ClassVar[OwnedManager[SeldonDeployment]] = OwnedManager()

    class Meta:
        ordering: ClassVar = ["client", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["client", "name"], name="one_seldon_deployment_of_a_name")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        """Available, Creating or Failed; what was said of a former generation is not said of this one."""
        if self.status.get("observedGeneration") != self.generation:
            return "Creating"
        return str(self.status.get("state", "Creating"))

    @property
    def is_available(self) -> bool:
        """Whether calls get what this generation is, everywhere."""
        return self.state == "Available" and self.status.get("servedGeneration") == self.generation


class Generation(models.Model):
    """What a deployment was at one time, for looking back and for going back."""

    deployment = models.ForeignKey(SeldonDeployment, on_delete=models.CASCADE, related_name="generations")
    number = models.PositiveIntegerField()
    manifest = models.JSONField()
    # In a few words what was done: applied, scaled, promoted, rolled back.
    reason = models.CharField(max_length=200)
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["deployment", "number"], name="one_generation_of_a_number")
        ]

    def __str__(self) -> str:
        return f"{self.deployment_id} {self.number}"
