"""The ASGI application: the lane in front of Django."""

from __future__ import annotations

from django.core.asgi import get_asgi_application

from seldon_api import env

env.use_settings()
_django = get_asgi_application()

from seldon_api.composition import build_lane  # noqa: E402 (Django's apps must be ready first)

application = build_lane(_django)
