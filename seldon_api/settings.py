"""Every setting, grouped by part. With nothing configured, one machine works: SQLite, spool, no server."""

from __future__ import annotations

import os.path
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from console.theme import UNFOLD  # noqa: F401 (a setting)
from seldon_api import env

BASE_DIR = Path(__file__).resolve().parent.parent

# -- the machine -----------------------------------------------------------------------------------

# Everything that must survive a restart lives below this folder.
SELDON_DATA = env.env_path("SELDON_DATA", BASE_DIR / "seldon-data")
# Where `seldon-cli serve` listens.
SELDON_HOST = env.env_str("SELDON_HOST", "127.0.0.1")
# The port of everything: API, console, snippet.
SELDON_PORT = env.env_int("SELDON_PORT", 8000, 0, 65535)
# API worker processes; 0 means one per core, at most 4.
SELDON_WORKERS = env.env_int("SELDON_WORKERS", 0, 0, 64)
# Which of them this process is, from 0; `seldon-cli serve` sets it.
SELDON_WORKER = env.env_int("SELDON_WORKER", 0, 0, 63)
# How long a stopping process finishes the requests under way, in seconds.
SELDON_GRACE_SECONDS = env.env_float("SELDON_GRACE_SECONDS", 20, 0, 600)
# Django's error pages, for developing Django views; never on a machine that others reach.
DEBUG = env.env_bool("DEBUG", False)


def _secret_key() -> str:
    """The configured key, else one made at first start and kept in the data folder (mode 600)."""
    # Signs sessions and tokens; empty: made at the first start and kept in SELDON_DATA.
    configured = env.env_secret("SECRET_KEY")
    if configured:
        return configured
    path = SELDON_DATA / "secret_key"
    if not path.exists():
        SELDON_DATA.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".secret_key.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(50))
        # A link refuses an existing name, so of two first starts one key wins for both.
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()


SECRET_KEY = _secret_key()
# Former keys, comma-separated: tokens and sessions made with them stay valid while they are listed.
SECRET_KEY_FALLBACKS = env.env_list("SECRET_KEY_FALLBACKS")
# Host names this installation answers for; `*` leaves the choice to the proxy in front.
ALLOWED_HOSTS = env.env_list("ALLOWED_HOSTS", ("*",))
# Origins (https://…) from which the console's forms may be posted when a proxy ends TLS.
CSRF_TRUSTED_ORIGINS = env.env_list("CSRF_TRUSTED_ORIGINS")
# Set when everything in front speaks TLS: secure cookies, HSTS, redirect.
SELDON_TLS = env.env_bool("SELDON_TLS", False)

# -- Django ----------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "console.apps.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "oauth2_provider",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "stores.changes",
    "stores.config",
    "clients",
    "events",
    "predictions",
    "deploy",
    "console",
    "seldon_api",
]
MIDDLEWARE = [
    "clients.manage.middleware.request_id_middleware",
    "console.security.ConsoleHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "seldon_api.urls"
ASGI_APPLICATION = "seldon_api.asgi.application"
WSGI_APPLICATION = "seldon_api.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
# Static files come straight from the packages, at addresses that hold the build: nothing is collected.
STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "console.assets.BuildStorage"},
}
STATICFILES_FINDERS = ["console.assets.BuildFinder"]
APPEND_SLASH = False
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"
CSRF_FAILURE_VIEW = "clients.manage.problems.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = SELDON_TLS
SECURE_HSTS_SECONDS = 31_536_000 if SELDON_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SELDON_TLS
SECURE_HSTS_PRELOAD = SELDON_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SELDON_TLS else None
SESSION_COOKIE_SECURE = SELDON_TLS
CSRF_COOKIE_SECURE = SELDON_TLS
SESSION_COOKIE_HTTPONLY = True

# -- database --------------------------------------------------------------------------------------

# postgres://user:password@host:port/name?sslmode=require or sqlite:///path; empty: SQLite in SELDON_DATA.
DATABASE_URL = env.env_secret("DATABASE_URL")


def _database(url: str) -> dict[str, Any]:
    """Django's settings for `url`; SQLite in WAL mode, where readers never wait for a writer."""
    parts = urlparse(url)
    if not url or parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": parts.path if url else SELDON_DATA / "seldon.sqlite3",
            "OPTIONS": {
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
                "transaction_mode": "IMMEDIATE",
                # Seconds to wait for another writer; a request that waits longer is answered 503.
                "timeout": 5,
            },
        }
    if parts.scheme not in {"postgres", "postgresql"}:
        env.mistakes.append(("DATABASE_URL", f"{parts.scheme!r} is not postgres or sqlite"))
    options = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or options.pop("host", ""),
        "PORT": str(parts.port or ""),
        # A server that vanished without a word is noticed within seconds, not hours.
        "OPTIONS": {
            "connect_timeout": "5",
            "keepalives_idle": "5",
            "keepalives_interval": "2",
            "keepalives_count": "3",
            "tcp_user_timeout": "10000",
            **options,
        },
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": _database(DATABASE_URL)}

# -- clients and keys ------------------------------------------------------------------------------

OAUTH2_PROVIDER_APPLICATION_MODEL = "clients.ConsumerKey"
# Life of an access token, in seconds.
TOKEN_SECONDS = env.env_int("TOKEN_SECONDS", 6000, 1, 31_536_000)
OAUTH2_PROVIDER = {
    "ACCESS_TOKEN_EXPIRE_SECONDS": TOKEN_SECONDS,
    "SCOPES": {
        "all": "Everything the client may do",
        "readonly": "GET only",
        "events": "Send events",
        "actions": "Send actions",
        "recommend": "Read recommendations",
        "predict": "Call models",
        "manage": "Manage the client's own keys, microservices and configuration",
        "operator": "Manage every client",
    },
    "DEFAULT_SCOPES": ["all"],
    "SCOPES_BACKEND_CLASS": "clients.oauth.KeyScopes",
    "OAUTH2_VALIDATOR_CLASS": "clients.oauth.KeyValidator",
    # Client credentials only: there are no users to ask, and so no other grant.
    "OAUTH2_SERVER_CLASS": "oauthlib.oauth2.BackendApplicationServer",
    "ACCESS_TOKEN_GENERATOR": "clients.tokens.generate_token",
    "CLIENT_SECRET_HASHER": "sha256_secret",
    # Only a checksum of a token is stored: a dump of the database holds nothing that can be used.
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    # Nothing of the grants we do not offer is left open (RFC 9700).
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
}
# People's passwords are hashed by the first; the last is for the random secrets of consumer keys.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "clients.hashers.SecretHasher",
]
# How many unknown tokens and keys a worker remembers, so that guessing does not reach the database.
UNKNOWN_TOKENS_REMEMBERED = env.env_int("UNKNOWN_TOKENS_REMEMBERED", 65_536, 0)

# How many days the console can look back on traffic.
TRAFFIC_KEEP_DAYS = env.env_int("TRAFFIC_KEEP_DAYS", 30, 1, 3650)

# -- the lane --------------------------------------------------------------------------------------

# Largest body after inflating, in bytes.
MAX_BODY_BYTES = env.env_int("MAX_BODY_BYTES", 1_048_576, 1)
# Largest body of a prediction call, in bytes.
PREDICT_MAX_BODY_BYTES = env.env_int("PREDICT_MAX_BODY_BYTES", 16_777_216, 1)
# How long a body may take to arrive, in seconds.
BODY_TIMEOUT_SECONDS = env.env_float("BODY_TIMEOUT_SECONDS", 30, 0.1, 3600)
# Largest request head (line and headers), in bytes.
MAX_HEAD_BYTES = env.env_int("MAX_HEAD_BYTES", 65_536, 1024)

# -- events ----------------------------------------------------------------------------------------

# Where records go from the spool: `spool` makes hourly files below SELDON_DATA/logs.
EVENTS_SINK = env.env_choice("EVENTS_SINK", "spool", ("spool",))
# `fsync`: on disk before the answer, group commit. `os`: written before the answer, survives every process.
EVENTS_DURABILITY = env.env_choice("EVENTS_DURABILITY", "fsync", ("fsync", "os"))
# Most events in one request.
EVENTS_MAX_BATCH = env.env_int("EVENTS_MAX_BATCH", 10_000, 1)
# Deepest nesting of an event.
EVENTS_MAX_DEPTH = env.env_int("EVENTS_MAX_DEPTH", 64, 1, 1000)
# Seconds from its first record until an hour's first file is closed; doubles from file to file in that hour.
EVENTS_FLUSH_MIN_SECONDS = env.env_float("EVENTS_FLUSH_MIN_SECONDS", 5, 0.1)
# Seconds beyond which that does not double: no record waits longer for its file.
EVENTS_FLUSH_MAX_SECONDS = env.env_float("EVENTS_FLUSH_MAX_SECONDS", 60, 0.1)
# Shipped files older than this many days are deleted; 0 keeps them.
LOGS_KEEP_DAYS = env.env_int("LOGS_KEEP_DAYS", 0)
# Shipped files beyond this many bytes are deleted, oldest first; 0 keeps them.
LOGS_KEEP_BYTES = env.env_int("LOGS_KEEP_BYTES", 0)
# A new spool segment begins beyond this many bytes; a shipped segment is deleted whole.
SPOOL_SEGMENT_BYTES = env.env_int("SPOOL_SEGMENT_BYTES", 67_108_864, 4096)
# With less than this free on the disk new events are refused (503), so that the shipper can still make room.
SPOOL_RESERVE_BYTES = env.env_int("SPOOL_RESERVE_BYTES", 33_554_432)

# -- configuration documents -----------------------------------------------------------------------

# `database` (default) or `memory` (tests).
CONFIG_STORE = env.env_choice("CONFIG_STORE", "database", ("database", "memory"))

# -- predictions -----------------------------------------------------------------------------------

# A microservice's deadline when it names none, in seconds.
PREDICT_DEADLINE_SECONDS = env.env_float("PREDICT_DEADLINE_SECONDS", 5, 0.001, 600)
# Calls of one microservice that may be under way in one worker when it names no limit.
PREDICT_CONCURRENCY = env.env_int("PREDICT_CONCURRENCY", 64, 1)
# Calls of one client that may be under way in one worker.
CLIENT_CONCURRENCY = env.env_int("CLIENT_CONCURRENCY", 256, 1)
# Largest answer taken from a microservice, in bytes.
PREDICT_MAX_ANSWER_BYTES = env.env_int("PREDICT_MAX_ANSWER_BYTES", 33_554_432, 1)
# Networks (CIDRs, comma-separated) whose addresses microservices may have; empty: any address.
MICROSERVICE_NETWORKS = env.env_list("MICROSERVICE_NETWORKS")

# -- management API --------------------------------------------------------------------------------

# Requests per second that one caller may make to /manage in one worker; 0 limits nothing.
MANAGE_REQUESTS_PER_SECOND = env.env_int("MANAGE_REQUESTS_PER_SECOND", 100)
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "clients.manage.problems.exception_handler",
    # Nothing but what a view asks for; views of the management API derive from clients.manage.base.
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "seldon-api",
    "DESCRIPTION": "Events in, models trained and served, predictions and recommendations out.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "KeyKind": "clients.records.KEY_KINDS",
        "ClientKeyKind": "clients.manage.serializers.CLIENT_KINDS",
        "FineScope": "clients.records.FINE_SCOPES",
        "Surface": "clients.records.SURFACES",
        "Protocol": "predictions.records.PROTOCOL_NAMES",
        "StoredProtocol": "predictions.models.PROTOCOL_CHOICES",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "seldon_api.openapi.complete_schema",
    ],
}

# -- logging ---------------------------------------------------------------------------------------

# Least weight of the log lines that are written.
LOG_LEVEL = env.env_choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
# `line` for people, `json` (one object a line) for collectors. Both name the request and the client.
LOG_FORMAT = env.env_choice("LOG_FORMAT", "line", ("line", "json"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request": {"()": "common.logs.RequestFilter"}},
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s %(client)s] %(message)s"},
        "json": {"()": "common.logs.JsonFormatter"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["request"]},
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
}
