"""Tables of configuration documents and of their history."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class ConfigDocument(models.Model):
    """The present version at a path. Deleted, it keeps its row without text, so that versions count on."""

    path = models.CharField(max_length=255, unique=True)
    text = models.TextField(null=True)
    version = models.PositiveIntegerField()
    author = models.CharField(max_length=200)
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name = "configuration document"
        ordering: ClassVar = ["path"]

    def __str__(self) -> str:
        return f"{self.path} (version {self.version})"


class ConfigVersion(models.Model):
    """One change: what the document became, null for deleted. What it was is the version before."""

    path = models.CharField(max_length=255)
    version = models.PositiveIntegerField()
    text = models.TextField(null=True)
    author = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        verbose_name = "version of a configuration document"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["path", "version"], name="config_version_once_per_path")
        ]

    def __str__(self) -> str:
        return f"{self.path} version {self.version}"
