"""The addresses of microservices below /manage; holds no view."""

from __future__ import annotations

from django.urls import path

from clients.manage import urls as manage_urls
from predictions import views

# Importing it registered the converter of names.
assert manage_urls.NameConverter.regex

urlpatterns = [
    path("clients/<name:client>/microservices", views.MicroserviceListView.as_view()),
    path("clients/<name:client>/microservices/<name:name>", views.MicroserviceView.as_view()),
    path("clients/<name:client>/microservices/<name:name>/test", views.MicroserviceTestView.as_view()),
]
