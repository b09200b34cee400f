"""The console's one table: sign-ins that failed lately."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common import clock


class FailedLogin(models.Model):
    """One wrong password. The name is kept as a digest: people type passwords into the wrong field."""

    at = models.DateTimeField(default=clock.now, db_index=True)
    address = models.CharField(max_length=45)
    name_digest = models.CharField(max_length=64)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["address", "at"], name="failed_login_address")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.address}"
