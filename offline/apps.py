"""The offline app: background jobs and their runs."""

from __future__ import annotations

from django.apps import AppConfig

from offline.places import place_of_settings
from pipelines.places import use_places


class OfflineConfig(AppConfig):
    """Jobs in the background."""

    name = "offline"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Tell the jobs where files lie."""
        use_places(place_of_settings)
