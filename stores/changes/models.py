"""The table behind the change feed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Change(models.Model):
    """One thing that was written: `topic` says of which kind, `key` which one.

    A row is a hint to look again, never the data itself, so losing or repeating one costs only time.
    """

    topic = models.CharField(max_length=40)
    key = models.CharField(max_length=255)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["at"], name="changes_change_at")]

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"
