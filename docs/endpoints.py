"""Draws docs/reference/endpoints.md: the lane's routes, and the rest of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

Json = dict[str, Any]

_TOKENS: Final = """
## Tokens

A consumer key and its secret become a token, by Basic authentication or as form fields.

"""
_MANAGEMENT: Final = """
## Management

With a token of an operator's key, a token of a client's key with scope `manage` (its own client only;
another's is 404), or an operator's console session. Errors are problems (RFC 9457). Lists take `limit`
(50, at most 200) and `offset`. Configuration documents answer an `ETag`; `If-Match` and `If-None-Match: *`
make a write conditional. In the paths of documents the leading `/` is left out, as in
`/manage/config/documents/all_clients/acme/predict_algs`.

"""
_TITLES: Final = {
    "events": "Events",
    "predict": "Predictions",
    "js": "For browsers",
    "operations": "Operations",
}


def endpoint_tables() -> str:
    """What docs/reference/endpoints.md lists."""
    document = _document()
    parts = [*_data_plane(), _TOKENS, *_rows(_token_rows(document))]
    return "".join([*parts, _MANAGEMENT, *_rows(_management_rows(document))]).strip()


def _document() -> Json:
    generator = import_module("drf_spectacular.generators").SchemaGenerator()
    document: Json = generator.get_schema(request=None, public=True)
    return document


def _rows(rows: Iterator[str]) -> Iterator[str]:
    yield from (f"{row}\n" for row in rows)


# -- the lane --------------------------------------------------------------------------------------


def _data_plane() -> Iterator[str]:
    routes = import_module("seldon_api.composition").compose_worker().routes
    for surface in dict.fromkeys(route.surface for route in routes):
        yield from _surface(_TITLES.get(surface, surface), [one for one in routes if one.surface == surface])


def _surface(title: str, routes: list[Any]) -> Iterator[str]:
    """A table of `routes`; errors that all of them can answer are told once below it."""
    codes = [_codes(route) for route in routes]
    shared = set(codes[0]).intersection(*codes[1:]) if len(codes) > 1 else set()
    yield f"\n## {title}\n\n| call | who | body at most | dialect | what | errors of its own |\n"
    yield "|---|---|---|---|---|---|\n"
    for route, own in zip(routes, codes, strict=True):
        yield f"{_route_row(route, [code for code in own if code not in shared])}\n"
    if shared:
        yield f"\nEach of them also: {', '.join(code for code in codes[0] if code in shared)}.\n"


def _codes(route: Any) -> list[str]:
    return list(dict.fromkeys(f"`{kind.code}` {kind.status}" for kind in route.docs.errors))


def _route_row(route: Any, codes: list[str]) -> str:
    call = f"{', '.join(f'`{method}`' for method in route.methods)} `{route.path}`"
    limit = f"{route.max_body_bytes:,} bytes".replace(",", " ") if route.reads_body else "–"
    own = ", ".join(codes) or "–"
    return f"| {call} | {_who(route)} | {limit} | {route.dialect.name} | {route.docs.summary} | {own} |"


_WITHOUT_SCOPE: Final = {"public": "anybody", "seal": "a process of this installation"}


def _who(route: Any) -> str:
    if route.door in _WITHOUT_SCOPE:
        return _WITHOUT_SCOPE[route.door]
    return "js key" if route.door == "js" else f"token, scope `{route.scope}`"


# -- the control plane -----------------------------------------------------------------------------


def _token_rows(document: Json) -> Iterator[str]:
    yield "| call | what | answers |\n|---|---|---|"
    for method, path, described in _operations(document, lambda path: path.startswith(("/o/", "/token"))):
        yield f"| `{method}` `{path}` | {described['summary']} | {', '.join(described['responses'])} |"


def _management_rows(document: Json) -> Iterator[str]:
    yield "| call | who | what |\n|---|---|---|"
    for method, path, described in _operations(document, lambda path: path.startswith("/manage")):
        what = described["description"].replace("\n", " ")
        yield f"| `{method}` `{path}` | {_manager(method, path)} | {described['summary']}. {what} |"


def _operations(document: Json, is_wanted: Any) -> Iterator[tuple[str, str, Json]]:
    for path, operations in sorted(document["paths"].items()):
        if is_wanted(path):
            yield from ((method.upper(), path, described) for method, described in operations.items())


def _manager(method: str, path: str) -> str:
    """Whether a client's own token may make the call, by the view behind the path."""
    sample = path.replace("{path}", "config/x").replace("{run}", "1").replace("{", "").replace("}", "")
    view = import_module("django.urls").resolve(sample).func.view_class
    return "operators" if method in view.operator_methods else "operators, the client itself"
