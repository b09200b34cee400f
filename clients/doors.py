"""The doors of the lane: a request's credentials become a caller who may make this call, or an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from clients.client_memory import ClientMemory
from clients.credentials import CredentialMemory
from clients.errors import QueryTokenRefusedError, ScopeRefusedError, TokenMissingError
from clients.quotas import QuotaKeeper
from clients.records import Caller
from lane.request import Request
from stores.changes import subscribe

TOPIC: Final = "credentials"
_OTHER_HEADER: Final = b"x-auth-token"
_HEADERS: Final = frozenset({b"authorization", _OTHER_HEADER})


class TokenDoor:
    """Lets in who shows an access token whose scopes reach the route."""

    def __init__(self, memory: CredentialMemory, quotas: QuotaKeeper) -> None:
        self._memory = memory
        self._quotas = quotas

    def verify(self, request: Request) -> Caller | None:
        """The caller when the token was seen before."""
        caller = self._memory.verify_token(read_token(request))
        if caller is None:
            return None
        return _check_scope(request, caller)

    async def resolve(self, request: Request) -> Caller:
        """The caller after a look-up."""
        return _check_scope(request, await self._memory.resolve_token(read_token(request)))

    def admit(self, request: Request) -> None:
        """Counts the request against the caller's quotas."""
        self._quotas.admit(request)


class JsDoor:
    """Lets in who shows a JavaScript key on a page it is bound to."""

    def __init__(self, memory: CredentialMemory, quotas: QuotaKeeper) -> None:
        self._memory = memory
        self._quotas = quotas

    def verify(self, request: Request) -> Caller | None:
        """The caller when the key was seen before."""
        return self._memory.verify_js_key(*_read_js_key(request))

    async def resolve(self, request: Request) -> Caller:
        """The caller after a look-up."""
        return await self._memory.resolve_js_key(*_read_js_key(request))

    def admit(self, request: Request) -> None:
        """Counts the request against the caller's quotas."""
        self._quotas.admit(request)


def read_token(request: Request) -> str:
    """The token of `Authorization: Bearer`, else of `X-Auth-Token`, as Seldon Core's client sends it, else
    of the query's `oauth_token`; empty when there is none."""
    header = request.headers.get(b"authorization")
    if header is not None:
        if header[:7].lower() != b"bearer ":
            raise TokenMissingError
        return header[7:].strip().decode("latin-1")
    if _OTHER_HEADER in request.headers:
        return request.header(_OTHER_HEADER).strip()
    if request.scope["query_string"]:
        return request.query.get("oauth_token", "")
    return ""


def _check_scope(request: Request, caller: Caller) -> Caller:
    # Known from here on, so that a refusal is counted for this client and speaks its dialect.
    request.caller = caller
    route = request.route
    if not (_HEADERS & request.headers.keys()) and not caller.legacy_api:
        raise QueryTokenRefusedError
    if route.scope and not caller.may(route.scope, request.method):
        raise ScopeRefusedError(route.scope)
    return caller


def _read_js_key(request: Request) -> tuple[str, str, str]:
    query = request.query
    return query.get("consumer_key", ""), request.header(b"origin"), request.header(b"referer")


class CredentialsPart:
    """Keeps what is known of credentials and clients right while the process runs."""

    name = "credentials"

    def __init__(self, memory: CredentialMemory, clients: ClientMemory) -> None:
        self._memory = memory
        self._clients = clients
        self._subscriptions: list[Callable[[], None]] = []

    async def start(self) -> None:
        """Begins to listen; the change feed's first refresh fills the memory."""
        # What is forgotten first cannot be kept by a database that is away.
        self._subscriptions = [subscribe(TOPIC, self._clients.forget), subscribe(TOPIC, self._memory.reload)]

    async def stop(self) -> None:
        """Stops listening and ends the look-up threads."""
        for unsubscribe in self._subscriptions:
            unsubscribe()
        self._memory.close()
        self._clients.close()

    def problem(self) -> str | None:
        """None: what is known goes on without the database, and the change feed reports its own state."""
        return None
