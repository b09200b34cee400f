"""The deployment part as a Django app; it owns no tables yet."""

from __future__ import annotations

from django.apps import AppConfig


class DeployConfig(AppConfig):
    """Running the product and its models."""

    name = "deploy"
