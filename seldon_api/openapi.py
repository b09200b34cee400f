"""The OpenAPI document: the management views, and every route of the lane beside them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from common.errors import (
    ConflictError,
    InternalError,
    InvalidInputError,
    NotAllowedError,
    NotAuthenticatedError,
    NotFoundError,
    PreconditionFailedError,
    QuotaExceededError,
    RequestTimeoutError,
    SeldonError,
    TooLargeError,
    UnavailableError,
    UnprocessableError,
    UnsupportedMediaError,
)
from lane.dialects import PROBLEM, SELDON_CORE, SELDON_SERVER, V2, Dialect
from lane.route import Parameter, Route
from predictions.gateway_dialect import GATEWAY
from seldon_api.composition import compose_worker
from seldon_api.openapi_oauth import BASIC, OAUTH_ERROR, oauth_paths

Json = dict[str, Any]
ErrorKinds = Iterable[type[SeldonError]]

_ERROR_SCHEMAS: Final = {
    SELDON_SERVER.name: "SeldonServerError",
    SELDON_CORE.name: "SeldonCoreError",
    V2.name: "OpenInferenceError",
    PROBLEM.name: "Problem",
    GATEWAY.name: "SeldonGatewayError",
}
_DOOR_ERRORS: Final[dict[str, tuple[type[SeldonError], ...]]] = {
    "token": (NotAuthenticatedError, NotAllowedError, QuotaExceededError, UnavailableError),
    "js": (NotAuthenticatedError, NotAllowedError, QuotaExceededError, UnavailableError),
    "public": (),
    "seal": (NotAuthenticatedError, QuotaExceededError, UnavailableError),
}
_BODY_ERRORS: Final = (RequestTimeoutError, TooLargeError, UnsupportedMediaError)
_BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})
SECURITY_SCHEMES: Final[Json] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of POST /o/token/, sent as `Authorization: Bearer <token>`.",
    },
    "consumerKey": {
        "type": "apiKey",
        "in": "query",
        "name": "consumer_key",
        "description": "A consumer key of kind js; its allowed origins are checked.",
    },
}
_REQUEST_ID: Final[Json] = {
    "X-Request-ID": {
        "description": "The caller's own id, or one made here; it is in every log line of this request.",
        "schema": {"type": "string"},
    }
}


def add_routes(document: Json, routes: Iterable[Route]) -> Json:
    """`document` with every route of the lane, the error schemas and the security schemes."""
    paths = document.setdefault("paths", {})
    for route in routes:
        operations = paths.setdefault(route.path, {})
        for method in route.methods:
            operations[method.lower()] = operation(route, method)
    _add_components(document, _error_schemas(), SECURITY_SCHEMES)
    document["paths"] = dict(sorted(paths.items()))
    return document


def add_token_addresses(document: Json) -> Json:
    """`document` with the addresses where keys become tokens."""
    document.setdefault("paths", {}).update(oauth_paths())
    _add_components(document, {"OAuthError": OAUTH_ERROR}, {"basic": BASIC})
    return document


def _add_components(document: Json, schemas: Json, security_schemes: Json) -> None:
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(schemas)
    components.setdefault("securitySchemes", {}).update(security_schemes)


def operation(route: Route, method: str) -> Json:
    """What the document says of one method of a route."""
    described: Json = {
        "operationId": _operation_id(route, method),
        "summary": route.docs.summary,
        "tags": [route.docs.tag or route.surface],
        "parameters": [_parameter(one) for one in _parameters(route)],
        "responses": _answers(route, method),
        "security": _security(route),
    }
    if route.docs.description:
        described["description"] = route.docs.description
    if method in _BODY_METHODS and route.docs.request:
        described["requestBody"] = _request_body(route)
    return described


def _operation_id(route: Route, method: str) -> str:
    words = re.sub(r"[^A-Za-z0-9]+", "_", route.path).strip("_")
    end = "_index" if words and route.path.endswith("/") else ""
    return f"{method.lower()}_{words or 'root'}{end}"


def _parameters(route: Route) -> Iterator[Parameter]:
    declared = {parameter.name for parameter in route.docs.parameters}
    for name in re.findall(r"{(\w+)}", route.path):
        if name not in declared:
            yield Parameter(name, f"The {name}.", where="path", required=True)
    yield from route.docs.parameters
    if route.is_jsonp and "jsonpCallback" not in declared:
        pattern = r"^[A-Za-z_$][\w$]{0,63}(\.[A-Za-z_$][\w$]{0,63}){0,7}$"
        schema = {"type": "string", "pattern": pattern}
        yield Parameter("jsonpCallback", "Name of the function that gets the answer.", schema=schema)


def _parameter(parameter: Parameter) -> Json:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.required or parameter.where == "path",
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _request_body(route: Route) -> Json:
    content: Json = {}
    for media_type, schema in route.docs.request.items():
        content[media_type] = {"schema": schema}
        if media_type in route.docs.examples:
            content[media_type]["example"] = route.docs.examples[media_type]
    return {"required": True, "content": content}


def _security(route: Route) -> list[Json]:
    if route.door == "public":
        return []
    return [{"bearer": []}] if route.door in ("token", "seal") else [{"consumerKey": []}]


def _answers(route: Route, method: str) -> Json:
    answers = {
        str(status): _answer(route, description, dict(content))
        for status, (description, content) in route.docs.answers.items()
    }
    by_status: dict[int, dict[str, str]] = defaultdict(dict)
    for kind in _possible_errors(route, method):
        by_status[kind.status][kind.code] = _first_line(kind)
    for status, codes in by_status.items():
        description = " ".join(f"`{code}`: {line}" for code, line in codes.items())
        answers.setdefault(str(status), _answer(route, description, _error_content(route.dialect)))
    return dict(sorted(answers.items()))


def _answer(route: Route, description: str, content: Json) -> Json:
    """One answer; `content` maps media type -> JSON schema."""
    if route.is_jsonp:
        content["application/javascript"] = {"type": "string"}
    bodies = {media_type: {"schema": schema} for media_type, schema in content.items()}
    return {"description": description, "headers": _REQUEST_ID} | ({"content": bodies} if bodies else {})


def _possible_errors(route: Route, method: str) -> Iterator[type[SeldonError]]:
    """What the lane, the doors, the body reader and the endpoint itself may refuse with."""
    yield InvalidInputError
    yield from _DOOR_ERRORS[route.door]
    if method in _BODY_METHODS:
        yield from _BODY_ERRORS
    yield from route.docs.errors
    yield InternalError


def _error_content(dialect: Dialect) -> Json:
    return {dialect.media_type: {"$ref": f"#/components/schemas/{_ERROR_SCHEMAS[dialect.name]}"}}


def _error_schemas() -> Json:
    dialects: tuple[Dialect, ...] = (SELDON_SERVER, SELDON_CORE, V2, PROBLEM, GATEWAY)
    return {_ERROR_SCHEMAS[dialect.name]: dialect.schema for dialect in dialects}


def _first_line(kind: type[SeldonError]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


# -- the management views --------------------------------------------------------------------------

_MANAGE_ERRORS: Final[tuple[type[SeldonError], ...]] = (
    InvalidInputError,
    NotAuthenticatedError,
    NotAllowedError,
    NotFoundError,
    QuotaExceededError,
    InternalError,
    UnavailableError,
)
_MANAGE_BODY_ERRORS: Final = (ConflictError, TooLargeError, UnsupportedMediaError, UnprocessableError)


def add_problems(document: Json) -> Json:
    """`document` with the problems of every operation below /manage."""
    for path, operations in document.get("paths", {}).items():
        if path.startswith("/manage"):
            for method, described in operations.items():
                _add_problems(method, described)
    return document


def _add_problems(method: str, described: Json) -> None:
    kinds: ErrorKinds = (
        _MANAGE_ERRORS if method in {"get", "head"} else (*_MANAGE_ERRORS, *_MANAGE_BODY_ERRORS)
    )
    if any(parameter["name"] == "If-Match" for parameter in described.get("parameters", ())):
        kinds = (*kinds, PreconditionFailedError)
    reference = {"schema": {"$ref": f"#/components/schemas/{_ERROR_SCHEMAS[PROBLEM.name]}"}}
    for kind in kinds:
        answer = {"description": _first_line(kind), "content": {PROBLEM.media_type: reference}}
        described["responses"].setdefault(str(kind.status), answer)
    for answer in described["responses"].values():
        answer.setdefault("headers", {}).update(_REQUEST_ID)
    described["responses"] = dict(sorted(described["responses"].items()))


def complete_schema(result: Json, generator: Any, request: Any, public: bool) -> Json:
    """drf-spectacular's post-processing hook: problems of the management views, tokens, the whole lane."""
    return add_routes(add_token_addresses(add_problems(result)), compose_worker().routes)
