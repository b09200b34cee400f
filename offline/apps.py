"""The offline app: background jobs and their runs."""

from __future__ import annotations

from django.apps import AppConfig


class OfflineConfig(AppConfig):
    """Jobs in the background."""

    name = "offline"
    default_auto_field = "django.db.models.BigAutoField"
