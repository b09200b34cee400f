"""Settings of an ordinary API project: Django, REST framework, django-oauth-toolkit, SQLite in WAL mode."""

from __future__ import annotations

import os
from pathlib import Path

DATA = Path(os.environ["DRF_DATA"])
# `fsync` or `os`, as EVENTS_DURABILITY of ours.
DURABILITY = os.environ.get("DRF_DURABILITY", "fsync")
SECRET_KEY = "a reference that lives for a minute on loopback"
DEBUG = False
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "oauth2_provider",
    "rest_framework",
]
# Fewer than `startproject` sets, in the reference's favour: no sessions, no CSRF, no messages.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "benchmarks.references.drf_view"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA / "reference.sqlite3",
        "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"},
        # In the reference's favour: a connection is kept.
        "CONN_MAX_AGE": None,
    }
}
OAUTH2_PROVIDER = {"SCOPES": {"events": "Send events"}}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["oauth2_provider.contrib.rest_framework.OAuth2Authentication"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
}
