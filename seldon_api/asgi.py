"""The ASGI application: the lane in front of Django."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.core.asgi import get_asgi_application

from seldon_api import env

env.use_settings()
_django = get_asgi_application()

from seldon_api.composition import build_lane  # noqa: E402 (Django's apps must be ready first)

# Imported at the first request otherwise, which would be slow, and could meet files of another version.
import_module(settings.ROOT_URLCONF)
application = build_lane(_django)
