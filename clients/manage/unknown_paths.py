"""Paths that nobody serves, answered in the words of the surface they lie below."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from django.http import HttpRequest, HttpResponse

from common.errors import NotFoundError
from lane.dialects import SELDON_CORE, SELDON_SERVER, V2, Dialect

# By the first part of the path; a client of these surfaces reads no problem documents.
_DIALECTS: Final[dict[str, Dialect]] = {
    **dict.fromkeys(
        ("actions", "dimensions", "events", "items", "js", "predict", "token", "users", "version"),
        SELDON_SERVER,
    ),
    **dict.fromkeys(("api", "seldon"), SELDON_CORE),
    "v2": V2,
}
# What follows `v2` in the paths of a deployment, which may itself be called v2.
_BELOW_V2: Final = frozenset({"models", "health", "repository", "docs"})


def not_found_in_dialect(request: HttpRequest) -> HttpResponse | None:
    """404 as the surface above the path writes errors; None when it lies below none."""
    # The path may be `*`, as in `OPTIONS *`.
    parts = ["", *request.path.removeprefix("/").split("/")]
    dialect = V2 if _is_v2_of_a_deployment(parts) else _DIALECTS.get(parts[1])
    if dialect is None:
        return None
    reply = dialect.write(NotFoundError(f"there is nothing at {request.path}"), None)
    return HttpResponse(reply.body, status=reply.status, content_type=reply.content_type.decode())


def _is_v2_of_a_deployment(parts: list[str]) -> bool:
    """Below `/seldon/<deployment>` or `/seldon/<client>/<deployment>`."""
    pairs = pairwise(parts[3:6])
    return parts[1] == "seldon" and any(at == "v2" and below in _BELOW_V2 for at, below in pairs)
