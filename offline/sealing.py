"""Secrets among the parameters of runs: sealed on the way into the database, opened on the way out.

Whoever reads the database, a dump or a backup of it learns no password of a store. The key comes from
SECRET_KEY; what was sealed under a key of SECRET_KEY_FALLBACKS is opened, too.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models
from django.utils.crypto import salted_hmac

from offline.records import is_secret

_SEALED: Final = "sealed:"


class ParametersField(models.JSONField):
    """JSON in which the texts that are called a secret are sealed in the database."""

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(change_secrets(value, _seal))

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return change_secrets(super().from_db_value(value, expression, connection), _open)


def change_secrets(parameters: Any, change: Callable[[str], str]) -> Any:
    """The same with `change` applied to each text that is called a secret, at any depth."""
    if isinstance(parameters, dict):
        return {
            name: change(value) if is_secret(name, value) else change_secrets(value, change)
            for name, value in parameters.items()
        }
    if isinstance(parameters, list):
        return [change_secrets(each, change) for each in parameters]
    return parameters


def still_sealed(parameters: Any) -> Iterator[str]:
    """The names of secrets that no key we have opens."""
    if isinstance(parameters, dict):
        for name, value in parameters.items():
            if is_secret(name, value):
                if value.startswith(_SEALED):
                    yield name
            else:
                yield from still_sealed(value)
    elif isinstance(parameters, list):
        for each in parameters:
            yield from still_sealed(each)


def _seal(text: str) -> str:
    return _SEALED + _fernet().encrypt(text.encode()).decode()


def _open(text: str) -> str:
    if not text.startswith(_SEALED):
        # Written before secrets were sealed.
        return text
    try:
        return _fernet().decrypt(text.removeprefix(_SEALED)).decode()
    except InvalidToken:
        return text


def _fernet() -> MultiFernet:
    return _fernet_of((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _fernet_of(secrets: tuple[str, ...]) -> MultiFernet:
    digests = [salted_hmac("offline.sealing", "", secret, algorithm="sha256").digest() for secret in secrets]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
