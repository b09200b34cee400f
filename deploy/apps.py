"""The deployment part as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class DeployConfig(AppConfig):
    """Running the product and its models."""

    name = "deploy"
