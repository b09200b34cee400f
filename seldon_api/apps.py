"""The composition root as a Django app: system checks of the settings."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class SeldonApiConfig(AppConfig):
    """Registers the system checks."""

    name = "seldon_api"

    def ready(self) -> None:
        import_module("seldon_api.checks")
