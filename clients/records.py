"""Plain records of clients: who is calling, what it may send, what a key shall be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from clients.errors import ClientNameError
from pipelines.days import is_client_name

# What a client's own call may touch; scope `all` contains each of them.
FINE_SCOPES: Final = ("events", "actions", "recommend", "predict", "manage")
KEY_KINDS: Final = ("all", "js", "readonly", "fine", "operator")
# Where requests are counted and limited.
SURFACES: Final = ("events", "actions", "recommend", "predict", "js", "other")

READING_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
NEVER: Final = float("inf")

_SECRET: Final = re.compile(r"[!-~]{16,128}\Z")
_OAUTH_KEY: Final = re.compile(r"[!-9;-~]{1,200}\Z")

ALL_SCOPES: Final = frozenset({"all", "readonly", *FINE_SCOPES})
READONLY_SCOPES: Final = frozenset({"readonly", *FINE_SCOPES})
JS_SCOPES: Final = frozenset({"js"})


def check_client_name(name: str) -> None:
    """Raises ClientNameError unless `name` is safe as a folder, a tag and a path segment."""
    if not is_client_name(name):
        raise ClientNameError(name)


def is_oauth_key(text: str) -> bool:
    """Whether a manifest's `oauth_key` can sign in by HTTP Basic."""
    return bool(_OAUTH_KEY.match(text))


def is_guessable(secret: str) -> bool:
    """Whether a secret from outside is none of 16 to 128 printable ASCII characters without spaces."""
    return not _SECRET.match(secret)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may send to one surface; infinity where nothing is limited."""

    requests_per_second: float = NEVER
    max_body_bytes: float = NEVER
    events_per_day: float = NEVER


UNLIMITED: Final = Limits()
NO_QUOTAS: Final[Mapping[str, Limits]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class By:
    """Who changes something, for the audit log: `operator:<user>`, `key:<consumer key>`, `cli:<user>`; of
    what happened to us `address:<where from>`."""

    actor: str
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class KeySpec:
    """What a new consumer key shall be.

    `text` empty: a random one of 20 upper-case alphanumerics. `secret` empty: a random one; a given one is
    for clients that move here with the secret they have.
    """

    kind: str
    scopes: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    text: str = ""
    label: str = ""
    expires_at: datetime | None = None
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token as it is told to the caller, once."""

    text: str
    scope: str
    expires_in_seconds: int


@dataclass(frozen=True, slots=True)
class Caller:
    """One token or JavaScript key of one client.

    `client` is the client's name ("" for an operator), `client_id` its primary key (0 for an operator),
    `expires_at` Unix seconds (infinity: never), `deployment` the only one that it reaches (empty: all).
    """

    client: str
    client_id: int
    key_id: str
    kind: str
    scopes: frozenset[str]
    expires_at: float
    legacy_api: bool
    origins: tuple[str, ...]
    quotas: Mapping[str, Limits]
    deployment: str = ""

    def may(self, scope: str, method: str = "GET") -> bool:
        """True when a call of `method` that needs `scope` is within this caller's scopes."""
        if scope not in self.scopes:
            return False
        return self.kind != "readonly" or method in READING_METHODS


def effective_scopes(scopes: frozenset[str]) -> frozenset[str]:
    """`scopes` with what `all` and `readonly` contain written out; shared objects where possible."""
    if "all" in scopes:
        return ALL_SCOPES
    if scopes == {"readonly"}:
        return READONLY_SCOPES
    return scopes
