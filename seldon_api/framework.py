"""What nobody configures of Django and its packages. What is read from the environment is in settings.py."""

from __future__ import annotations

from typing import Any, Final

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
    "offline",
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
SESSION_COOKIE_HTTPONLY = True

# -- django-oauth-toolkit ---------------------------------------------------------------------------

OAUTH2_PROVIDER_APPLICATION_MODEL = "clients.ConsumerKey"
OAUTH2: Final[dict[str, Any]] = {
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
# People's passwords are hashed by the first; the others are for the secrets of consumer keys.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "clients.hashers.SecretHasher",
    "clients.hashers.ChosenSecretHasher",
]

# -- the management API -----------------------------------------------------------------------------

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
        "RunState": "offline.records.STATES",
        "StoredProtocol": "predictions.models.PROTOCOL_CHOICES",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "seldon_api.openapi.complete_schema",
    ],
}
