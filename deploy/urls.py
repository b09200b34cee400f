"""The addresses of deployments below /manage; holds no view."""

from __future__ import annotations

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from clients.manage import urls as manage_urls
from deploy import views

# Importing it registered the converter of clients' names.
assert manage_urls.NameConverter.regex


class DeploymentConverter(StringConverter):
    """A deployment's name, as Kubernetes takes it."""

    regex = "[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"


register_converter(DeploymentConverter, "deployment")

_ONE = "deployments/<name:client>/<deployment:name>"

urlpatterns = [
    path("deployments", views.DeploymentListView.as_view()),
    path(_ONE, views.OneDeploymentView.as_view()),
    path(f"{_ONE}/scale", views.DeploymentScaleView.as_view()),
    path(f"{_ONE}/promote", views.DeploymentPromoteView.as_view()),
    path(f"{_ONE}/rollback", views.DeploymentRollbackView.as_view()),
    path(f"{_ONE}/history", views.DeploymentHistoryView.as_view()),
    path(f"{_ONE}/figures", views.DeploymentFiguresView.as_view()),
    path(f"{_ONE}/logs", views.DeploymentLogView.as_view()),
]
