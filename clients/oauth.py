"""django-oauth-toolkit's seams: which keys may sign in, for which scopes, and who hears of a revocation."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.hashers import check_password
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import SettingsScopes

from clients.models import ConsumerKey
from stores.changes import publish

TOPIC = "credentials"


def find_key(text: str) -> ConsumerKey | None:
    """The consumer key `text` with its tenant; the key is the credential, so no client is known yet."""
    # PostgreSQL refuses a NUL byte in a text; no key holds one.
    if not text or "\0" in text:
        return None
    keys = ConsumerKey.objects.for_all_clients().select_related("tenant")
    return keys.filter(client_id=text).first()


def is_secret_of(key: ConsumerKey, secret: str) -> bool:
    """Whether `secret` is the key's, compared in constant time; a key without one has none that fits."""
    return bool(key.client_secret) and check_password(secret, key.client_secret)


def publish_change(key: ConsumerKey) -> None:
    """Has every process look again at the credentials of the key's client ("" for operators')."""
    publish(TOPIC, key.tenant.name if key.tenant else "")


class KeyScopes(SettingsScopes):  # type: ignore[misc]
    """Each key's own scopes, instead of the same for all."""

    def get_available_scopes(self, application: Any = None, *_: Any, **__: Any) -> list[str]:
        """What a token of `application` may hold."""
        return sorted(application.granted_scopes) if application is not None else []

    def get_default_scopes(self, application: Any = None, *_: Any, **__: Any) -> list[str]:
        """What a token holds that asked for nothing."""
        return application.default_scopes if application is not None else []


class KeyValidator(OAuth2Validator):  # type: ignore[misc]
    """Signs in only live keys of live clients."""

    def _load_application(self, client_id: str, request: Any) -> ConsumerKey | None:
        known = request.client
        if isinstance(known, ConsumerKey) and known.client_id == client_id:
            return known
        key = find_key(client_id)
        usable = key if key is not None and key.is_usable(request) else None
        request.client = usable
        return usable

    def _check_secret(self, provided_secret: str, stored_secret: str) -> bool:
        return bool(stored_secret) and check_password(provided_secret, stored_secret)

    def revoke_token(self, token: str, token_type_hint: str, request: Any, *args: Any, **kwargs: Any) -> None:
        """Deletes the token, when it is one of the asking key's, and tells every process."""
        super().revoke_token(token, token_type_hint, request, *args, **kwargs)
        publish_change(request.client)
