"""Where the credentials in memory come from: the tables of keys, tokens and quotas, as callers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, wraps
from types import MappingProxyType
from typing import Any, Final, ParamSpec, Protocol, TypeVar

from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Q
from oauth2_provider.models import get_access_token_model

from clients.errors import (
    ConsumerRefusedError,
    LookupUnavailableError,
    TokenExpiredError,
    TokenUnknownError,
)
from clients.models import Client, ConsumerKey, Quota
from clients.records import JS_SCOPES, NEVER, NO_QUOTAS, Caller, Limits, effective_scopes
from clients.tokens import hash_token
from common import clock
from common.errors import NotAuthenticatedError

P = ParamSpec("P")
R = TypeVar("R")
Quotas = Mapping[str, Limits]
Answers = dict[str, Caller | NotAuthenticatedError]

# Of so many changed clients at once, looking at all of them is cheaper than at each.
_MANY_CLIENTS: Final = 200
_CHUNK: Final = 500
_TOKEN_COLUMNS: Final = ("token_checksum", "scope", "expires", "application_id")
_KEY_COLUMNS: Final = (
    "pk",
    "client_id",
    "kind",
    "scopes",
    "origins",
    "expires_at",
    "tenant_id",
    "tenant__name",
    "tenant__legacy_api",
    "deployment",
)


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What is valid now: of the tokens that were asked about, and all JavaScript keys concerned."""

    tokens: dict[str, Caller]
    js_keys: dict[str, Caller]


class CredentialSource(Protocol):
    """Looks credentials up; every call may take long, runs in a thread and may raise UnavailableError."""

    def find_tokens(self, texts: Sequence[str]) -> Answers:
        """For each of `texts` the caller behind that token, or why it is refused."""

    def find_js_keys(self, texts: Sequence[str]) -> Answers:
        """For each of `texts` the caller behind that JavaScript key, or why it is refused."""

    def reload(self, names: frozenset[str] | None, texts: Sequence[str]) -> Reloaded:
        """The valid ones of the tokens `texts`, and the JavaScript keys of clients `names` (None: all)."""

    def close(self) -> None:
        """Lets go of what the calling thread holds."""


def _with_database(function: Callable[P, R]) -> Callable[P, R]:
    """Runs `function`, once more on a fresh connection when the first was dead; then says it is away."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (DatabaseError, InterfaceError):
            connection.close()
        try:
            return function(*args, **kwargs)
        except (DatabaseError, InterfaceError) as error:
            connection.close()
            raise LookupUnavailableError from error

    return guarded


class DatabaseSource:
    """Callers from Django's database."""

    def find_token(self, text: str) -> Caller:
        """The caller behind one token; raises when it is refused."""
        answer = self.find_tokens([text])[text]
        if isinstance(answer, Caller):
            return answer
        raise answer

    @_with_database
    def find_tokens(self, texts: Sequence[str]) -> Answers:
        """As the protocol says; expired, unknown and switched off are told apart."""
        by_hash = {hash_token(text): text for text in texts}
        tokens = get_access_token_model().objects.filter(token_checksum__in=by_hash)
        rows = list(tokens.values_list(*_TOKEN_COLUMNS))
        keys = {key.pk: key for key in _read_keys(Q(pk__in={row[3] for row in rows}))} if rows else {}
        answers: Answers = {text: TokenUnknownError() for text in texts}
        now = clock.now()
        for checksum, scope, expires, key_pk in rows:
            text = by_hash[checksum]
            if expires <= now:
                answers[text] = TokenExpiredError()
            elif key_pk in keys:
                answers[text] = _caller_of_token(keys[key_pk], scope, expires)
            else:
                answers[text] = ConsumerRefusedError()
        return answers

    @_with_database
    def find_js_keys(self, texts: Sequence[str]) -> Answers:
        """As the protocol says; whatever is no live key of kind js is refused alike, so nothing is told."""
        answers: Answers = {text: ConsumerRefusedError() for text in texts}
        # PostgreSQL refuses a NUL byte in a text; no key holds one.
        possible = [text for text in texts if "\0" not in text]
        for key in _read_keys(Q(client_id__in=possible, kind="js")):
            answers[key.key_id] = _caller_of_key(key)
        return answers

    @_with_database
    def find_clients(self, names: Sequence[str]) -> Answers:
        """For each of `names` that client as who calls for it by a seal, within its requests per second."""
        answers: Answers = {name: ConsumerRefusedError() for name in names}
        rows = list(Client.objects.filter(name__in=names, is_active=True).values_list("pk", "name"))
        quotas = _read_quotas({pk for pk, _ in rows})
        for pk, name in rows:
            answers[name] = _caller_by_seal(pk, name, quotas.get(pk, NO_QUOTAS))
        return answers

    @_with_database
    def reload(self, names: frozenset[str] | None, texts: Sequence[str]) -> Reloaded:
        """As the protocol says, in few queries."""
        # The empty name stands for operators' keys, which have no tenant.
        where = Q()
        if names is not None and len(names) <= _MANY_CLIENTS:
            where = Q(tenant__name__in=names)
            if "" in names:
                where |= Q(tenant=None)
        keys = {key.pk: key for key in _read_keys(where)}
        js_keys = {key.key_id: _caller_of_key(key) for key in keys.values() if key.kind == "js"}
        return Reloaded(dict(_read_tokens(texts, keys)), js_keys)

    def close(self) -> None:
        """Closes this thread's connection."""
        connection.close()


@dataclass(frozen=True, slots=True)
class _Key:
    """A live key, with what it has from its client."""

    pk: int
    key_id: str
    kind: str
    granted: frozenset[str]
    origins: tuple[str, ...]
    expires_at: float
    client_id: int
    client: str
    legacy_api: bool
    quotas: Quotas
    deployment: str


def _read_keys(where: Q) -> Iterator[_Key]:
    live = Q(is_active=True) & (Q(tenant=None) | Q(tenant__is_active=True))
    # The OAuth gateway of old is there for those alone who have its manners switched on.
    live &= Q(deployment="") | Q(tenant__legacy_api=True)
    in_time = Q(expires_at=None) | Q(expires_at__gt=clock.now())
    rows = ConsumerKey.objects.for_all_clients().filter(where & live & in_time).order_by()
    found = list(rows.values_list(*_KEY_COLUMNS))
    quotas = _read_quotas({row[6] for row in found if row[6] is not None})
    for row in found:
        yield _make_key(row, quotas.get(row[6], NO_QUOTAS))


def _make_key(row: tuple[Any, ...], quotas: Quotas) -> _Key:
    pk, text, kind, scopes, origins, expires_at, client_id, client, legacy_api, deployment = row
    # Interned, so that all callers of a client share one string.
    return _Key(
        pk=pk,
        key_id=sys.intern(text),
        kind=sys.intern(kind),
        granted=effective_scopes(_shared_scopes(" ".join(scopes if kind == "fine" else [kind]))),
        origins=tuple(sys.intern(origin) for origin in origins),
        expires_at=_unix(expires_at),
        client_id=client_id or 0,
        client=sys.intern(client or ""),
        legacy_api=bool(legacy_api),
        quotas=quotas,
        deployment=sys.intern(deployment),
    )


def _read_quotas(client_ids: set[int]) -> dict[int, Quotas]:
    rows = Quota.objects.for_all_clients()
    if len(client_ids) <= _MANY_CLIENTS:
        rows = rows.filter(client_id__in=client_ids)
    by_client: dict[int, dict[str, Limits]] = {}
    for row in rows.order_by("client_id", "surface"):
        by_client.setdefault(row.client_id, {})[row.surface] = row.limits
    return {pk: _shared_quotas(tuple(limits.items())) for pk, limits in by_client.items()}


def _read_tokens(texts: Sequence[str], keys: Mapping[int, _Key]) -> Iterator[tuple[str, Caller]]:
    tokens = get_access_token_model().objects.filter(expires__gt=clock.now())
    for chunk in _chunks(texts):
        by_hash = {hash_token(text): text for text in chunk}
        rows = tokens.filter(token_checksum__in=by_hash)
        for checksum, scope, expires, key_pk in rows.values_list(*_TOKEN_COLUMNS):
            if key_pk in keys:
                yield by_hash[checksum], _caller_of_token(keys[key_pk], scope, expires)


def _caller_of_token(key: _Key, scope: str, expires: datetime) -> Caller:
    # Of the key's scopes too, so that narrowing a key narrows the tokens it made.
    scopes = effective_scopes(_shared_scopes(scope))
    if not scopes <= key.granted:
        scopes &= key.granted
    is_reading = key.kind == "readonly" or scope == "readonly"
    return Caller(
        client=key.client,
        client_id=key.client_id,
        key_id=key.key_id,
        kind="readonly" if is_reading else key.kind,
        scopes=scopes,
        expires_at=min(_unix(expires), key.expires_at),
        legacy_api=key.legacy_api,
        origins=(),
        quotas=key.quotas,
        deployment=key.deployment,
    )


def _caller_of_key(key: _Key) -> Caller:
    return Caller(
        client=key.client,
        client_id=key.client_id,
        key_id=key.key_id,
        kind=key.kind,
        scopes=JS_SCOPES,
        expires_at=key.expires_at,
        legacy_api=key.legacy_api,
        origins=key.origins,
        quotas=key.quotas,
    )


def _caller_by_seal(pk: int, name: str, quotas: Quotas) -> Caller:
    # What an explainer asks at once may be larger than what callers may send.
    rates = {each: Limits(limits.requests_per_second) for each, limits in quotas.items()}
    return Caller(
        client=name,
        client_id=pk,
        key_id="",
        kind="fine",
        scopes=frozenset({"predict"}),
        expires_at=NEVER,
        legacy_api=False,
        origins=(),
        quotas=rates,
    )


@lru_cache(maxsize=1024)
def _shared_scopes(text: str) -> frozenset[str]:
    return frozenset(text.split())


@lru_cache(maxsize=4096)
def _shared_quotas(items: tuple[tuple[str, Limits], ...]) -> Quotas:
    return MappingProxyType(dict(items))


def _unix(at: datetime | None) -> float:
    return NEVER if at is None else at.timestamp()


def _chunks(texts: Sequence[str]) -> Iterable[Sequence[str]]:
    return (texts[start : start + _CHUNK] for start in range(0, len(texts), _CHUNK))
