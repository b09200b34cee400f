"""A route: which path, who may come in, which dialect its errors speak, and what the documents say of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from common.errors import SeldonError
from lane.dialects import Dialect
from lane.reply import Reply
from lane.request import Request

Endpoint = Callable[[Request], Awaitable[Reply]]
# `token`: OAuth2 bearer token. `js`: consumer key of kind js in the query. `public`: nobody is asked.
# `seal`: what only processes of this installation have.
DoorName = Literal["token", "js", "public", "seal"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter or header, for the OpenAPI document."""

    name: str
    description: str
    where: Literal["query", "header", "path"] = "query"
    required: bool = False
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Docs:
    """What the OpenAPI document says of a route.

    `request` maps media type -> JSON schema, `answers` status -> (description, media type -> JSON schema);
    `errors` are the leaves an endpoint raises itself: those of doors, bodies and quotas are added.
    """

    summary: str
    description: str = ""
    tag: str = ""
    parameters: tuple[Parameter, ...] = ()
    request: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[int, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    errors: tuple[type[SeldonError], ...] = ()
    examples: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One path of the lane.

    `path` is exact (`/events`) or has named parts (`/seldon/{client}/{name}/api/v1.0/predictions`).
    `surface` is what quotas, metrics and traffic are counted by; `scope` what the caller must hold.
    `is_intake`: it takes records in, so what it refuses is counted as rejected, by the error's code.
    `is_cors`: pages of any origin may call it; those of the js door always may.
    `is_there`: whether anything is at these named parts, asked before a method is called wrong.
    """

    path: str
    methods: tuple[str, ...]
    endpoint: Endpoint
    dialect: Dialect
    surface: str
    docs: Docs
    door: DoorName = "token"
    scope: str = ""
    max_body_bytes: int = 1_048_576
    is_jsonp: bool = False
    is_intake: bool = False
    is_cors: bool = False
    is_there: Callable[[dict[str, str]], bool] = lambda named: True

    @property
    def allow(self) -> str:
        """The value of the Allow header: the methods, HEAD beside GET, OPTIONS always."""
        methods = [*self.methods]
        if "GET" in methods and "HEAD" not in methods:
            methods.append("HEAD")
        return ", ".join([*methods, "OPTIONS"])

    @property
    def allows_origins(self) -> bool:
        """Whether pages of other origins may read its answers."""
        return self.is_cors or self.door == "js"

    @property
    def reads_body(self) -> bool:
        """Whether any of its methods carries a body."""
        return bool({"POST", "PUT", "PATCH"} & set(self.methods))
