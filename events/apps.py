"""The events app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Registers the system checks; the parts are made by whoever composes a process."""

    name = "events"

    def ready(self) -> None:
        import_module("events.checks")
