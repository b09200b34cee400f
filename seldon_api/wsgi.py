"""The control plane alone, for a WSGI server."""

from __future__ import annotations

from django.core.wsgi import get_wsgi_application

from seldon_api import env

env.use_settings()
application = get_wsgi_application()
