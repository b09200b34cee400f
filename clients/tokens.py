"""The text of access tokens and keys: random, and for tokens with a checksum that only we can make."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import Any, Final

from django.conf import settings

PREFIX: Final = "sat_"
_RANDOM_BYTES: Final = 24
_RANDOM_CHARS: Final = 32
_CHECKSUM_CHARS: Final = 12
_LENGTH: Final = len(PREFIX) + _RANDOM_CHARS + _CHECKSUM_CHARS
_KEY_LETTERS: Final = string.ascii_uppercase + string.digits
_KEY_CHARS: Final = 20
_SECRET_CHARS: Final = 40


def generate_token(_request: Any = None) -> str:
    """A new access token: `sat_`, 192 random bits, 72 bits of checksum."""
    random = secrets.token_urlsafe(_RANDOM_BYTES)
    return PREFIX + random + _checksum(_checksum_key(settings.SECRET_KEY), random)


def is_own_token(text: str) -> bool:
    """Whether this installation made `text`; told without any look-up, and in constant time.

    Tokens made with a key of SECRET_KEY_FALLBACKS count too.
    """
    if len(text) != _LENGTH or not text.startswith(PREFIX) or not text.isascii():
        return False
    random, checksum = text[len(PREFIX) : -_CHECKSUM_CHARS], text[-_CHECKSUM_CHARS:]
    return any(
        hmac.compare_digest(_checksum(_checksum_key(secret), random), checksum)
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    )


def hash_token(text: str) -> str:
    """What is stored of a token, and what it is found by."""
    return hashlib.sha256(text.encode()).hexdigest()


def generate_key_text() -> str:
    """A consumer key as Seldon's: 20 upper-case letters and digits."""
    return "".join(secrets.choice(_KEY_LETTERS) for _ in range(_KEY_CHARS))


def generate_secret() -> str:
    """A consumer secret: 40 letters and digits, 238 random bits."""
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(_SECRET_CHARS))


@lru_cache(maxsize=16)
def _checksum_key(secret: str) -> bytes:
    # A key of its own, so that a checksum says nothing about signatures made with SECRET_KEY.
    return hashlib.sha256(b"seldon access token checksum:" + secret.encode()).digest()


def _checksum(key: bytes, random: str) -> str:
    digest = hmac.digest(key, random.encode(), "sha256")
    return urlsafe_b64encode(digest[: _CHECKSUM_CHARS * 6 // 8]).decode()
