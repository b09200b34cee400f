"""The Django application of the change feed."""

from __future__ import annotations

from django.apps import AppConfig


class ChangesConfig(AppConfig):
    """Owns the table `changes_change`."""

    name = "stores.changes"
    label = "changes"
    verbose_name = "Change feed"
    default_auto_field = "django.db.models.BigAutoField"
