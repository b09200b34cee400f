"""Seals: what a process of this installation shows to call one path of the data plane, and no other."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.utils.crypto import salted_hmac

from clients.doors import read_token
from clients.errors import TokenMissingError, TokenUnknownError
from clients.records import NEVER, NO_QUOTAS, Caller
from lane.request import Request

_SALT: Final = "clients.seals"
_PREFIX: Final = "seal."


def seal_of(path: str) -> str:
    """The seal for everything below `path`; the same until SECRET_KEY changes."""
    return _sealed(path, settings.SECRET_KEY)


class SealDoor:
    """Lets in who shows the seal of what `path_of` says that a request is below; counts against no quota.

    The caller is the client that the path names: it was admitted when it called who now calls here.
    """

    def __init__(self, path_of: Callable[[Request], str]) -> None:
        self._path_of = path_of

    def verify(self, request: Request) -> Caller:
        """The caller; TokenMissingError or TokenUnknownError when it shows no seal, or another path's."""
        text = read_token(request)
        if not text:
            raise TokenMissingError
        path = self._path_of(request)
        secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        if not any(hmac.compare_digest(_sealed(path, secret).encode(), text.encode()) for secret in secrets):
            raise TokenUnknownError
        return Caller(
            client=request.params["client"],
            client_id=0,
            key_id="",
            kind="fine",
            scopes=frozenset({"predict"}),
            expires_at=NEVER,
            legacy_api=False,
            origins=(),
            quotas=NO_QUOTAS,
        )

    async def resolve(self, request: Request) -> Caller:
        """The same."""
        return self.verify(request)

    def admit(self, request: Request) -> None:
        """No quota."""


def _sealed(path: str, secret: str) -> str:
    return _PREFIX + salted_hmac(_SALT, path, secret, algorithm="sha256").hexdigest()
