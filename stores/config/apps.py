"""The Django application of configuration documents."""

from __future__ import annotations

from django.apps import AppConfig


class ConfigStoreConfig(AppConfig):
    """Owns the tables of the database backend; the label keeps clear of other applications called config."""

    name = "stores.config"
    label = "config_store"
    verbose_name = "Configuration"
    default_auto_field = "django.db.models.BigAutoField"
