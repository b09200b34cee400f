"""The events app."""

from __future__ import annotations

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Nothing to set up: the parts are made by whoever composes a process."""

    name = "events"
