"""The OpenAPI document of a microservice, at `/seldon.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from microservice.replies import Route

Json = dict[str, Any]
ARRAY: Json = {"type": "array", "items": {}}
ONE_OF_DATA = "one of data, jsonData, strData and binData"
MESSAGE: Json = {
    "type": "object",
    "description": f"A SeldonMessage: {ONE_OF_DATA}, and meta.",
    "properties": {
        "status": {"type": "object"},
        "meta": {
            "type": "object",
            "properties": {
                "puid": {"type": "string"},
                "tags": {"type": "object"},
                "routing": {"type": "object", "additionalProperties": {"type": "integer"}},
                "requestPath": {"type": "object", "additionalProperties": {"type": "string"}},
                "metrics": {"type": "array", "items": {"type": "object"}},
            },
        },
        "data": {
            "type": "object",
            "properties": {
                "names": {"type": "array", "items": {"type": "string"}},
                "ndarray": ARRAY,
                "tensor": {
                    "type": "object",
                    "properties": {
                        "shape": {"type": "array", "items": {"type": "integer"}},
                        "values": {"type": "array", "items": {"type": "number"}},
                    },
                },
                "tftensor": {"type": "object"},
            },
        },
        "binData": {"type": "string", "format": "byte"},
        "strData": {"type": "string"},
        "jsonData": {},
    },
}
REFERENCE = "#/components/schemas/"
SCHEMAS: Json = {
    "SeldonMessage": MESSAGE,
    "SeldonMessageList": {
        "type": "object",
        "properties": {"seldonMessages": {"type": "array", "items": {"$ref": f"{REFERENCE}SeldonMessage"}}},
    },
    "Feedback": {
        "type": "object",
        "properties": {
            "request": {"$ref": f"{REFERENCE}SeldonMessage"},
            "response": {"$ref": f"{REFERENCE}SeldonMessage"},
            "reward": {"type": "number"},
            "truth": {"$ref": f"{REFERENCE}SeldonMessage"},
        },
    },
}
BODIES = {"aggregate": "SeldonMessageList", "feedback": "Feedback"}
WITHOUT_BODY = ("health", "metadata", "metrics")


def describe_paths(model_name: str, routes: Mapping[str, Route]) -> Json:
    """Return the document of Seldon Core's paths; those of v2 are described by the protocol itself."""
    paths = {path: describe_path(path, route) for path, route in routes.items()}
    information = {"title": model_name, "version": "0.1.0"}
    return {"openapi": "3.0.3", "info": information, "paths": paths, "components": {"schemas": SCHEMAS}}


def describe_path(path: str, route: Route) -> Json:
    """Return the operations of one path."""
    has_body = route.method not in WITHOUT_BODY
    found: Json = {}
    for verb in route.allowed.lower().split(", "):
        if verb not in ("get", "post"):
            continue
        operation: Json = {
            "operationId": f"{verb}{path.replace('/', '-')}",
            "tags": [route.method],
            "responses": {"200": {"description": "The answer."}, "default": {"description": "A refusal."}},
        }
        if has_body:
            schema = {"$ref": f"{REFERENCE}SeldonMessage"}
            operation["responses"]["200"]["content"] = {"application/json": {"schema": schema}}
            add_request(operation, verb, BODIES.get(route.method, "SeldonMessage"))
        found[verb] = operation
    return found


def add_request(operation: Json, verb: str, kind: str) -> None:
    """Add where a caller puts the message: the body, or the query's json."""
    schema = {"$ref": f"{REFERENCE}{kind}"}
    if verb == "post":
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    else:
        text = {"type": "string", "description": f"A {kind} as JSON."}
        operation["parameters"] = [{"name": "json", "in": "query", "required": True, "schema": text}]
