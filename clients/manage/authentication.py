"""The two doors of the management API: a bearer token, or an operator signed in to the console."""

from __future__ import annotations

from typing import Final

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from clients.errors import ScopeRefusedError, TokenMissingError, TokenUnknownError
from clients.manage.actors import Actor
from clients.records import Caller
from clients.source import DatabaseSource
from clients.tokens import is_own_token

SCHEME: Final = 'Bearer realm="seldon-api"'
_SOURCE: Final = DatabaseSource()


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>` of an operator's key, or of a client's key with scope `manage`.

    The database is asked each time: a revoked token is refused here at once.
    """

    def authenticate(self, request: Request) -> tuple[Actor, str] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        return _actor(find_caller(token.strip()), request.method or ""), "token"

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


class StaffSessionAuthentication(SessionAuthentication):
    """An operator signed in to the console; changes need the CSRF token, as in the console's own forms."""

    def authenticate(self, request: Request) -> tuple[Actor, str] | None:
        user = getattr(request._request, "user", None)
        if user is None or not user.is_active or not user.is_staff:
            return None
        self.enforce_csrf(request)
        return Actor(f"operator:{user.get_username()}"), "session"


def find_caller(token: str) -> Caller:
    """Whose token this is; what we never made is refused without a look-up."""
    if not token:
        raise TokenMissingError
    if not is_own_token(token):
        raise TokenUnknownError
    return _SOURCE.find_token(token)


def _actor(caller: Caller, method: str) -> Actor:
    name = f"key:{caller.key_id}"
    if not caller.client:
        if "operator" not in caller.scopes:
            raise ScopeRefusedError("operator")
        return Actor(name)
    if not caller.may("manage", method):
        raise ScopeRefusedError("manage")
    return Actor(name, caller.client)
