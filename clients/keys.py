"""What a consumer key must look like, and how one is built from its specification."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from django.contrib.auth.hashers import make_password

from clients.errors import KeyInvalidError
from clients.models import Client, ConsumerKey
from clients.origins import normalise_origin
from clients.records import FINE_SCOPES, KEY_KINDS, KeySpec, is_guessable
from clients.tokens import generate_key_text, generate_secret

_KEY_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{4,64}\Z")


def build_key(client: Client | None, spec: KeySpec) -> tuple[ConsumerKey, str]:
    """An unsaved key and its secret ("" for a js key); KeyInvalidError says what is wrong with `spec`."""
    if spec.kind not in KEY_KINDS:
        raise KeyInvalidError(f"unknown kind {spec.kind!r}; known: {', '.join(KEY_KINDS)}")
    if spec.text and not _KEY_TEXT.match(spec.text):
        raise KeyInvalidError("a consumer key is 4 to 64 of A-Z a-z 0-9 _ -")
    is_js = spec.kind == "js"
    secret = "" if is_js else _check_secret(spec.secret) or generate_secret()
    key = ConsumerKey(
        client_id=spec.text or generate_key_text(),
        name=spec.label[:255],
        tenant=client,
        kind=spec.kind,
        scopes=_check_scopes(spec),
        origins=check_origins(spec.kind, spec.origins),
        expires_at=spec.expires_at,
        client_type=ConsumerKey.CLIENT_PUBLIC if is_js else ConsumerKey.CLIENT_CONFIDENTIAL,
        authorization_grant_type=ConsumerKey.GRANT_CLIENT_CREDENTIALS,
        client_secret=secret,
        # There is nothing to hash in a js key.
        hash_client_secret=not is_js,
        secret_hint=secret[-4:],
    )
    return key, secret


def _check_secret(secret: str) -> str:
    # Secrets are hashed fast because random ones cannot be guessed; one from outside must be no easier.
    if secret and is_guessable(secret):
        raise KeyInvalidError("a given secret is 16 to 128 printable ASCII characters without spaces")
    return secret


def build_deployment_key(client: Client, deployment: str, oauth_key: str) -> ConsumerKey:
    """An unsaved key, without its secret, that reaches one deployment; its own text is told to nobody."""
    return ConsumerKey(
        client_id=generate_key_text(),
        name=f"oauth_key {oauth_key} of {deployment}"[:255],
        tenant=client,
        kind="fine",
        scopes=["predict"],
        client_type=ConsumerKey.CLIENT_CONFIDENTIAL,
        authorization_grant_type=ConsumerKey.GRANT_CLIENT_CREDENTIALS,
        deployment=deployment,
        oauth_key=oauth_key,
    )


def hash_secret(secret: str) -> str:
    """What is stored of a secret that a manifest named."""
    return make_password(secret, hasher="pbkdf2_chosen_secret" if is_guessable(secret) else "sha256_secret")


def describe_key(key: ConsumerKey) -> dict[str, Any]:
    """The key for the audit log; without secret or hash."""
    return {
        "key": key.client_id,
        "kind": key.kind,
        "scopes": key.scopes,
        "origins": key.origins,
        "is_active": key.is_active,
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
    }


def check_origins(kind: str, origins: Sequence[str]) -> list[str]:
    """The host names of `origins`, in order and once each."""
    if origins and kind != "js":
        raise KeyInvalidError("only a js key is bound to origins")
    return list(dict.fromkeys(normalise_origin(origin) for origin in origins))


def _check_scopes(spec: KeySpec) -> list[str]:
    unknown = set(spec.scopes) - set(FINE_SCOPES)
    if unknown:
        raise KeyInvalidError(f"unknown scope {min(unknown)!r}; known: {', '.join(FINE_SCOPES)}")
    if bool(spec.scopes) != (spec.kind == "fine"):
        raise KeyInvalidError("a key of kind 'fine' names its scopes, and only such a key does")
    return sorted(set(spec.scopes))
