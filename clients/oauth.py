"""django-oauth-toolkit's seams: which keys may sign in, for which scopes, and who hears of a revocation."""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from typing import Any, Final
from urllib.parse import unquote_plus

from django.contrib.auth.hashers import check_password
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import SettingsScopes

from clients.addresses import caller_address
from clients.models import ConsumerKey
from clients.records import is_guessable
from clients.sign_ins import Try, sign_ins
from clients.slow_checks import SlowChecks, check_in_vain, is_slow
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


def find_deployment_key(text: str, secret: str, slow: SlowChecks | None) -> ConsumerKey | None:
    """The live key of a deployment that these sign in for; None when there is none, or it is not clear which.

    `text` is `<oauth_key><client>`, or `<oauth_key>` alone. Different clients may have chosen the same.
    A secret that could be guessed is compared by `slow`, and where there is no key with nobody's.
    """
    found = [key for key in namesakes(text) if key.is_live(clock.now())]
    # A client with many namesakes must say whose it is, lest all their secrets be tried; others need not.
    plain = [key for key in found if key.oauth_key == text]
    counts = Counter(key.tenant_id for key in plain)
    tried = [key for key in found if key.oauth_key != text][:_MOST_NAMESAKES]
    tried += [key for key in plain if counts[key.tenant_id] <= _MOST_NAMESAKES]
    fitting = _fitting(tried, secret, slow)
    return fitting[0] if len({key.tenant_id for key in fitting}) == 1 else None


def _fitting(keys: list[ConsumerKey], secret: str, slow: SlowChecks | None) -> list[ConsumerKey]:
    # How a secret is stored follows from what it looks like, so the keys of the other kind cannot fit.
    if not is_guessable(secret):
        return [key for key in keys if not is_slow(key.client_secret) and is_secret_of(key, secret)]
    if slow is None:
        return []
    chosen = [key for key in keys if is_slow(key.client_secret)]
    if not chosen:
        slow.run(lambda: check_in_vain(secret))
        return []
    return slow.run(lambda: [key for key in chosen if is_secret_of(key, secret)])


def namesakes(text: str) -> list[ConsumerKey]:
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


def fits(key: ConsumerKey, secret: str, slow: SlowChecks | None) -> bool:
    """Whether `secret` is the key's; one that somebody chose is compared by `slow`, or not at all."""
    if not is_slow(key.client_secret):
        return is_secret_of(key, secret)
    if slow is None or not is_guessable(secret):
        return False
    return slow.run(lambda: is_secret_of(key, secret))


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

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether a key and its secret came along, by Basic or else in the form; never both tried."""
        text, secret = self._credentials(request)
        if not text:
            return False

        def look(slow: SlowChecks | None) -> ConsumerKey | None:
            key = self._load_application(text, request)
            return key if key is not None and fits(key, secret, slow) else None

        tried = Try("oauth2", text, caller_address(request.headers))
        return sign_ins().judge(tried, look) is not None

    def _credentials(self, request: Any) -> tuple[str, str]:
        encoded = self._extract_basic_auth(request)
        if not encoded:
            return request.client_id or "", request.client_secret or ""
        try:
            key, _, secret = b64decode(encoded).decode().partition(":")
        except ValueError:
            return "", ""
        # As RFC 6749 §2.3.1 has them written.
        return unquote_plus(key), unquote_plus(secret)

    def revoke_token(self, token: str, token_type_hint: str, request: Any, *args: Any, **kwargs: Any) -> None:
        """Deletes the token, when it is one of the asking key's, and tells every process."""
        super().revoke_token(token, token_type_hint, request, *args, **kwargs)
        publish_change(request.client)
