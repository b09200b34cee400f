"""What the OpenAPI document says of the addresses where keys become tokens."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

_TAG: Final = ["tokens"]
_FORM: Final = "application/x-www-form-urlencoded"
_STRING: Final[Json] = {"type": "string"}
_CREDENTIALS: Final[Json] = {
    "client_id": {"type": "string", "description": "The consumer key, unless Basic carries it."},
    "client_secret": {"type": "string", "description": "Its secret, unless Basic carries it."},
}
OAUTH_ERROR: Final[Json] = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": _STRING, "error_description": _STRING, "error_uri": _STRING},
}
_TOKEN: Final[Json] = {
    "type": "object",
    "required": ["access_token", "expires_in", "token_type", "scope"],
    "properties": {
        "access_token": _STRING,
        "expires_in": {"type": "integer", "description": "Seconds."},
        "token_type": {"type": "string", "enum": ["Bearer"]},
        "scope": _STRING,
    },
}
_SELDON_TOKEN: Final[Json] = {
    "type": "object",
    "required": ["access_token", "token_type", "token_scope", "expires_in", "name"],
    "properties": {
        "access_token": _STRING,
        "token_type": {"type": "string", "enum": ["rummblelabs"]},
        "token_scope": _STRING,
        "expires_in": {"type": "integer", "description": "Seconds."},
        "name": {"type": "string", "enum": ["token"]},
    },
}
_GATEWAY_TOKEN: Final[Json] = {
    "type": "object",
    "required": ["access_token", "token_type", "expires_in", "scope"],
    "properties": {
        "access_token": _STRING,
        "token_type": {"type": "string", "enum": ["bearer"]},
        "expires_in": {"type": "integer", "description": "Seconds."},
        "scope": {"type": "string", "enum": ["read write"]},
    },
}
_GATEWAY_REFUSAL: Final[Json] = {
    "type": "object",
    "required": ["timestamp", "status", "error", "message", "path"],
    "properties": {
        "timestamp": {"type": "integer", "description": "Milliseconds since 1970."},
        "status": {"type": "integer", "enum": [401, 429, 503]},
        "error": _STRING,
        "message": _STRING,
        "path": _STRING,
    },
}
_TOO_MANY: Final = (
    "Too many wrong secrets of this key, or from this address; Retry-After says when to come back."
)
_INTROSPECTION: Final[Json] = {
    "type": "object",
    "required": ["active"],
    "properties": {
        "active": {"type": "boolean"},
        "scope": _STRING,
        "client_id": _STRING,
        "token_type": _STRING,
        "exp": {"type": "integer", "description": "Unix seconds."},
        "iat": {"type": "integer", "description": "Unix seconds."},
    },
}
BASIC: Final[Json] = {
    "type": "http",
    "scheme": "basic",
    "description": "Consumer key and secret, for the token addresses.",
}


def oauth_paths() -> Json:
    """The token addresses."""
    return {
        "/o/token/": {"post": _issue()},
        "/o/revoke_token/": {"post": _revoke()},
        "/o/introspect/": {"post": _introspect()},
        "/oauth/token": {"post": _gateway()},
        "/oauth/revoke": {"post": _gateway_revoke()},
        "/token": {"get": _seldon("get"), "post": _seldon("post")},
    }


def _issue() -> Json:
    form = {
        "grant_type": {"type": "string", "enum": ["client_credentials"]},
        "scope": {"type": "string", "description": "Fewer scopes than the key has, by space."},
        **_CREDENTIALS,
    }
    return _operation(
        "issue_token",
        "Exchange a consumer key for an access token (RFC 6749 §4.4)",
        _form(form, ["grant_type"]),
        {"200": _json("The token.", _TOKEN), **_errors()},
    )


def _revoke() -> Json:
    form = {"token": _STRING, "token_type_hint": _STRING, **_CREDENTIALS}
    done = {"description": "The token is refused everywhere within two seconds."}
    return _operation(
        "revoke_token",
        "End one of the key's tokens (RFC 7009)",
        _form(form, ["token"]),
        {"200": done, **_errors()},
    )


def _introspect() -> Json:
    form = {"token": _STRING, "token_type_hint": _STRING, **_CREDENTIALS}
    return _operation(
        "introspect_token",
        "Ask what a token is good for (RFC 7662)",
        _form(form, ["token"]),
        {
            "200": _json("What it is good for.", _INTROSPECTION),
            **_errors(),
        },
    )


def _gateway() -> Json:
    grants = {"type": "string", "enum": ["client_credentials", "password"]}
    return _operation(
        "gateway_token",
        "Exchange a deployment's oauth_key for a token that reaches it alone (Seldon Core 0.2)",
        _form({"grant_type": grants}, ["grant_type"]),
        {"200": _json("The token, good for twelve hours.", _GATEWAY_TOKEN), **_gateway_errors()},
    )


def _gateway_revoke() -> Json:
    done = {"description": "The token, if it was this key's, is refused everywhere within two seconds."}
    return _operation(
        "gateway_revoke",
        "End a token of a deployment's oauth_key (RFC 7009)",
        _form({"token": _STRING, "token_type_hint": _STRING}, ["token"]),
        {"200": done, **_gateway_errors()},
    )


def _gateway_errors() -> Json:
    refused = "No oauth_key of a client whose legacy_api switch is on, or another secret."
    either = {"anyOf": [{"$ref": "#/components/schemas/OAuthError"}, _GATEWAY_REFUSAL]}
    return {
        **_errors(),
        "401": _json(refused, _GATEWAY_REFUSAL),
        "429": _json(_TOO_MANY, _GATEWAY_REFUSAL),
        "503": _json("Keys cannot be looked up or compared right now.", either),
    }


def _seldon(method: str) -> Json:
    names = {"consumer_key": "The consumer key.", "consumer_secret": "Its secret."}
    reference = {"$ref": "#/components/schemas/SeldonServerError"}
    answers = {
        "200": _json("The token.", _SELDON_TOKEN),
        "400": _json("Numbers 3, 5, 6, 16 and 17 say what is wrong with the credentials.", reference),
        "429": _json(_TOO_MANY, reference),
        "503": _json("Keys cannot be looked up right now.", reference),
    }
    described = _operation(f"seldon_token_{method}", "Seldon Server's token call", {}, answers)
    described["security"] = []
    if method == "post":
        described["requestBody"] = _form(dict.fromkeys(names, _STRING), list(names))["requestBody"]
        return described
    described["parameters"] = [
        {"name": name, "in": "query", "required": True, "description": text, "schema": _STRING}
        for name, text in names.items()
    ]
    return described


def _operation(operation_id: str, summary: str, body: Json, answers: Json) -> Json:
    return {
        "operationId": operation_id,
        "summary": summary,
        "tags": _TAG,
        **body,
        "responses": answers,
        "security": [{"basic": []}, {}],
    }


def _form(properties: Json, required: list[str]) -> Json:
    schema = {"type": "object", "properties": properties, "required": required}
    return {"requestBody": {"required": True, "content": {_FORM: {"schema": schema}}}}


def _errors() -> Json:
    reference = {"$ref": "#/components/schemas/OAuthError"}
    return {
        "400": _json("The request is not one that RFC 6749 knows, or asks for too much.", reference),
        "401": _json("The consumer key or its secret is not correct.", reference),
        "429": _json(_TOO_MANY, reference),
        "503": _json("Keys cannot be looked up right now.", reference),
    }


def _json(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
