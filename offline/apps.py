"""The offline app: background jobs and their runs."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig

from offline.places import place_of_settings
from pipelines.places import use_places


class OfflineConfig(AppConfig):
    """Tells the jobs where files lie, and the stores what judges schedules documents."""

    name = "offline"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        use_places(place_of_settings)
        import_module("offline.schedules.documents").register()
