"""The OpenAPI document: complete, valid, one operation id each."""

from __future__ import annotations

from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from common.errors import UnavailableError, UpstreamError
from lane.dialects import SELDON_SERVER
from lane.reply import Reply
from lane.request import Request
from lane.route import Docs, Parameter, Route
from seldon_api.composition import compose_worker
from seldon_api.openapi import add_routes, operation

METHODS = {"get", "put", "post", "delete", "patch"}


async def endpoint(request: Request) -> Reply:
    return Reply()


def make_route(**changes: Any) -> Route:
    docs = Docs(
        "Send events",
        parameters=(Parameter("Idempotency-Key", "Counts once.", where="header"),),
        request={"application/json": {"type": "object"}},
        answers={200: ("Stored.", {"application/json": {"type": "object"}})},
        errors=(UpstreamError,),
    )
    given: dict[str, Any] = {
        "path": "/things/{name}",
        "methods": ("POST",),
        "endpoint": endpoint,
        "dialect": SELDON_SERVER,
        "surface": "events",
        "docs": docs,
    }
    return Route(**{**given, **changes})


@pytest.fixture(scope="module")
def document() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [
        (path, method, described)
        for path, item in document["paths"].items()
        for method, described in item.items()
        if method in METHODS
    ]


def test_document_is_valid_openapi(document: Any) -> None:
    validate_schema(document)  # type: ignore[no-untyped-call]


def test_operation_ids_are_unique(document: Any) -> None:
    ids = [described["operationId"] for _, _, described in operations(document)]
    assert len(ids) == len(set(ids))


def test_every_operation_has_a_tag_and_a_summary_or_description(document: Any) -> None:
    bare = [
        (method, path)
        for path, method, described in operations(document)
        if not described.get("tags") or not (described.get("summary") or described.get("description"))
    ]
    assert bare == []


def test_every_route_of_the_lane_is_in_the_document(document: Any) -> None:
    missing = [
        (route.path, method)
        for route in compose_worker().routes
        for method in route.methods
        if method.lower() not in document["paths"].get(route.path, {})
    ]
    assert missing == []


def test_token_route_tells_the_refusals_of_door_body_and_endpoint() -> None:
    responses = operation(make_route(), "POST")["responses"]
    assert set(responses) == {"200", "400", "401", "403", "408", "413", "415", "429", "500", "502", "503"}
    reference = responses["401"]["content"]["application/json"]["schema"]["$ref"]
    assert reference == "#/components/schemas/SeldonServerError"


def test_public_route_without_body_tells_no_refusal_of_door_or_body() -> None:
    route = make_route(door="public", methods=("GET",), docs=Docs("Alive?", errors=(UnavailableError,)))
    assert set(operation(route, "GET")["responses"]) == {"400", "500", "503"}
    assert operation(route, "GET")["security"] == []


def test_named_parts_of_the_path_and_callback_become_parameters() -> None:
    described = operation(make_route(is_jsonp=True, door="js", methods=("GET",)), "GET")
    names = {(one["name"], one["in"], one["required"]) for one in described["parameters"]}
    assert names == {
        ("name", "path", True),
        ("Idempotency-Key", "header", False),
        ("jsonpCallback", "query", False),
    }
    assert "application/javascript" in described["responses"]["200"]["content"]
    assert "requestBody" not in described


def test_security_schemes_and_error_schemas_are_defined() -> None:
    components = add_routes({}, [make_route()])["components"]
    assert set(components["securitySchemes"]) == {"bearer", "consumerKey"}
    assert {"SeldonServerError", "SeldonCoreError", "OpenInferenceError", "Problem"} <= set(
        components["schemas"]
    )
