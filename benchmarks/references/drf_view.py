"""The same single event as an ordinary Django REST framework view with django-oauth-toolkit."""

from __future__ import annotations

import os
import time
from typing import ClassVar

import orjson
from django.conf import settings
from django.http import HttpResponse
from django.urls import path
from oauth2_provider.contrib.rest_framework import TokenHasScope
from rest_framework.response import Response
from rest_framework.views import APIView

# One append is one write() to a file opened for appending, so threads need no lock.
_FILE = os.open(settings.DATA / "events.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)


class EventsView(APIView):
    """Keeps one event and answers with it, as `POST /events` of ours does."""

    permission_classes: ClassVar = [TokenHasScope]
    required_scopes: ClassVar = ["events"]

    def post(self, request):
        """Parse, stamp, append, answer."""
        if not isinstance(request.data, dict):
            return Response({"error_msg": "not an object"}, status=400)
        now = int(time.time())
        event = {**request.data, "client": request.auth.application.name, "timestamp": now}
        kept = orjson.dumps(event)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)).encode()
        os.write(_FILE, stamp + b"\tevents.live\t" + kept + b"\n")
        if settings.DURABILITY == "fsync":
            os.fsync(_FILE)
        return Response({"json": kept.decode()})


urlpatterns = [path("events", EventsView.as_view()), path("healthz", lambda request: HttpResponse(b"ok"))]
