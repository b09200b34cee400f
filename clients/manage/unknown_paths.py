"""Paths that nobody serves, answered in the words of the surface they lie below."""

from __future__ import annotations

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


def not_found_in_dialect(request: HttpRequest) -> HttpResponse | None:
    """404 as the surface above the path writes errors; None when it lies below none."""
    dialect = _DIALECTS.get(request.path.split("/", 2)[1])
    if dialect is None:
        return None
    reply = dialect.write(NotFoundError(f"there is nothing at {request.path}"), None)
    return HttpResponse(reply.body, status=reply.status, content_type=reply.content_type.decode())
