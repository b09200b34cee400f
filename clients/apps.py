"""The clients app: who is calling, with which credentials, and how much."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class ClientsConfig(AppConfig):
    """Registers the system checks of credentials and quotas."""

    name = "clients"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import_module("clients.checks")
