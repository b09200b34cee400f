"""Seals: what a process of this installation shows to call one path of the data plane, and no other."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.utils.crypto import salted_hmac

from clients.client_memory import ClientMemory
from clients.doors import read_token
from clients.errors import TokenMissingError, TokenUnknownError
from clients.quotas import QuotaKeeper
from clients.records import Caller
from lane.request import Request

_SALT: Final = "clients.seals"
_PREFIX: Final = "seal."


def seal_of(path: str) -> str:
    """The seal for everything below `path`; the same until SECRET_KEY changes."""
    return _sealed(path, settings.SECRET_KEY)


class SealDoor:
    """Lets in who shows the seal of what `path_of` says that a request is below.

    The caller is the client that the path names, while it may call itself, and counts against its quota:
    a client's own code may hold a seal.
    """

    def __init__(self, path_of: Callable[[Request], str], clients: ClientMemory, quotas: QuotaKeeper) -> None:
        self._path_of = path_of
        self._clients = clients
        self._quotas = quotas

    def verify(self, request: Request) -> Caller | None:
        """The caller, None when its client was not seen before.

        TokenMissingError or TokenUnknownError when it shows no seal, or another path's.
        """
        text = read_token(request)
        if not text:
            raise TokenMissingError
        path = self._path_of(request)
        secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        if not any(hmac.compare_digest(_sealed(path, secret).encode(), text.encode()) for secret in secrets):
            raise TokenUnknownError
        return self._clients.known(request.params["client"])

    async def resolve(self, request: Request) -> Caller:
        """The caller after a look-up; `verify` has seen the seal."""
        return await self._clients.resolve(request.params["client"])

    def admit(self, request: Request) -> None:
        """Counts the request against the client's quota."""
        self._quotas.admit(request)


def _sealed(path: str, secret: str) -> str:
    return _PREFIX + salted_hmac(_SALT, path, secret, algorithm="sha256").hexdigest()
