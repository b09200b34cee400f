"""The control plane's addresses; holds no view."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

import console.operators  # noqa: F401 (registers the pages of operators)
from console.assets import serve_asset
from events.demo import demo_page
from seldon_api.schema_views import DocsView, schema

urlpatterns = [
    path("admin/", admin.site.urls),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("static/<path:path>", serve_asset),
    path("demo", demo_page),
    path("manage/", include("clients.manage.urls")),
    path("manage/", include("predictions.urls")),
    path("manage/", include("offline.urls")),
    path("manage/", include("deploy.urls")),
    path("", include("clients.urls")),
    path("schema", schema),
    path("docs", DocsView.as_view()),
]

handler400 = "clients.manage.problems.bad_request"
handler403 = "clients.manage.problems.permission_denied"
handler404 = "clients.manage.problems.page_not_found"
handler500 = "clients.manage.problems.server_error"
