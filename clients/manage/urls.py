"""The addresses below /manage; holds no view."""

from __future__ import annotations

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from clients.manage import config_views, schema, views


class NameConverter(StringConverter):
    """A client's name; what cannot be one is not found, before anything is asked of the database."""

    regex = r"[A-Za-z0-9_.-]{1,64}"


# Importing it told drf-spectacular of our doors.
assert schema.BearerScheme.name
register_converter(NameConverter, "name")

urlpatterns = [
    path("clients", views.ClientListView.as_view()),
    path("clients/<name:client>", views.ClientView.as_view()),
    path("clients/<name:client>/keys", views.KeyListView.as_view()),
    path("clients/<name:client>/keys/<name:key>", views.KeyView.as_view()),
    path("clients/<name:client>/keys/<name:key>/rotate", views.KeyRotationView.as_view()),
    path("clients/<name:client>/quotas", views.QuotaView.as_view()),
    path("config/documents", config_views.DocumentListView.as_view()),
    path("config/documents/<path:path>", config_views.DocumentView.as_view()),
    path("config/history/<path:path>", config_views.HistoryView.as_view()),
    path("config/diff/<path:path>", config_views.DiffView.as_view()),
    path("config/rollback/<path:path>", config_views.RollbackView.as_view()),
    path("audit", views.AuditView.as_view()),
]
