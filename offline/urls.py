"""The addresses of runs below /manage; holds no view."""

from __future__ import annotations

from django.urls import path, register_converter
from django.urls.converters import IntConverter

from offline import views


class NumberConverter(IntConverter):
    """A run's number: what no column can hold is not found, before the database is asked."""

    regex = "[1-9][0-9]{0,17}"


register_converter(NumberConverter, "run")

urlpatterns = [
    path("runs", views.RunListView.as_view()),
    path("runs/<run:run>", views.OneRunView.as_view()),
    path("runs/<run:run>/cancel", views.RunCancelView.as_view()),
    path("runs/<run:run>/retry", views.RunRetryView.as_view()),
    path("runs/<run:run>/log", views.RunLogView.as_view()),
]
