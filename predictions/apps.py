"""The predictions app: the gateway to models."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class PredictionsConfig(AppConfig):
    """Registers what judges strategy and log documents when they are written."""

    name = "predictions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import_module("predictions.documents").register()
