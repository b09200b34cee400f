"""django-oauth-toolkit's seams: which keys may sign in, for which scopes, and who hears of a revocation."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from django.contrib.auth.hashers import check_password
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import SettingsScopes

from clients.models import ConsumerKey
from common import clock
from stores.changes import publish

TOPIC = "credentials"
_MOST_NAMESAKES: Final = 8
_LONGEST_CLIENT: Final = 64
_LONGEST_TEXT: Final = 264


def find_key(text: str) -> ConsumerKey | None:
    """The consumer key `text` with its tenant; the key is the credential, so no client is known yet."""
    # PostgreSQL refuses a NUL byte in a text; no key holds one.
    if not text or "\0" in text:
        return None
    keys = ConsumerKey.objects.for_all_clients().select_related("tenant")
    return keys.filter(client_id=text).first()


def find_deployment_key(text: str, secret: str) -> ConsumerKey | None:
    """The live key of a deployment that these sign in for; None when there is none, or it is not clear which.

    `text` is `<oauth_key><client>`, or `<oauth_key>` alone. Different clients may have chosen the same.
    """
    found = [key for key in _namesakes(text) if key.is_live(clock.now())]
    # A client with many namesakes must say whose it is, lest all their secrets be tried; others need not.
    plain = [key for key in found if key.oauth_key == text]
    counts = Counter(key.tenant_id for key in plain)
    tried = [key for key in found if key.oauth_key != text][:_MOST_NAMESAKES]
    tried += [key for key in plain if counts[key.tenant_id] <= _MOST_NAMESAKES]
    fitting = [key for key in tried if is_secret_of(key, secret)]
    return fitting[0] if len({key.tenant_id for key in fitting}) == 1 else None


def _namesakes(text: str) -> list[ConsumerKey]:
    """Keys of deployments that `text` may mean, newest first."""
    if not 0 < len(text) <= _LONGEST_TEXT or not text.isascii() or not text.isprintable():
        return []
    parts = [text[:place] for place in range(max(1, len(text) - _LONGEST_CLIENT), len(text) + 1)]
    keys = ConsumerKey.objects.for_all_clients().select_related("tenant")
    rows = keys.filter(oauth_key__in=parts, tenant__legacy_api=True).exclude(deployment="").order_by("-pk")
    named = [(key, key.oauth_key + (key.tenant.name if key.tenant else "")) for key in rows]
    return [key for key, whole in named if text in (key.oauth_key, whole)]


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
