"""JSON schemas of Seldon Core's messages, for OpenAPI documents."""

from __future__ import annotations

from typing import Any, Final

Schema = dict[str, Any]

_NUMBERS: Final[Schema] = {"type": "array", "items": {}}
_META: Final[Schema] = {
    "type": "object",
    "properties": {
        "puid": {"type": "string"},
        "tags": {"type": "object"},
        "routing": {"type": "object"},
        "requestPath": {"type": "object"},
        "metrics": {"type": "array", "items": {"type": "object"}},
    },
}
SELDON_MESSAGE: Final[Schema] = {
    "type": "object",
    "properties": {
        "meta": _META,
        "data": {
            "type": "object",
            "properties": {
                "names": {"type": "array", "items": {"type": "string"}},
                "ndarray": _NUMBERS,
                "tensor": {"type": "object", "properties": {"shape": _NUMBERS, "values": _NUMBERS}},
            },
        },
        "jsonData": {},
        "strData": {"type": "string"},
        "binData": {"type": "string", "description": "base64"},
    },
}
# A component writes its Status as it likes: Seldon Core's wrapper has the integer 1 for FAILURE.
REFUSAL: Final[Schema] = {"type": "object", "properties": {"status": {"type": "object"}}}
FEEDBACK_BODY: Final[Schema] = {
    "type": "object",
    "properties": {
        "request": SELDON_MESSAGE,
        "response": SELDON_MESSAGE,
        "reward": {"type": "number"},
        "truth": SELDON_MESSAGE,
    },
}
# A SeldonMessage in every form in which callers may send it.
MESSAGE_FORMS: Final[dict[str, Schema]] = {
    "application/json": SELDON_MESSAGE,
    "text/plain": {"type": "string", "minLength": 1, "description": "`strData`"},
    "application/octet-stream": {"type": "string", "format": "binary", "description": "`binData`"},
    "multipart/form-data": {
        "type": "object",
        "description": "Fields are JSON but for `strData`; files are `binData` or text.",
        "properties": {
            "meta": _META,
            "data": SELDON_MESSAGE["properties"]["data"],
            "jsonData": {},
            "strData": {"type": "string"},
            "binData": {"type": "string", "format": "binary"},
        },
    },
    "application/x-www-form-urlencoded": {
        "type": "object",
        "required": ["json"],
        "properties": {"json": {"type": "string", "description": "The SeldonMessage as JSON."}},
    },
}
