"""Reads what callers send: the document of a prediction, however it was put into the request."""

from __future__ import annotations

import os
import random
from typing import Any, Final
from urllib.parse import parse_qs

import orjson

from common.errors import InvalidInputError, InvalidJsonError, UnsupportedMediaError
from lane.request import Request
from predictions.protocols.base import Document

_UNREADABLE: Final = (
    "multipart/",
    "image/",
    "audio/",
    "video/",
    "application/octet-stream",
    "application/xml",
)
# Parameters of /js/predict that are ours; every other one is a feature of the model.
_JS_PARAMETERS: Final = frozenset(
    {"consumer_key", "consumer_secret", "oauth_token", "jsonpCallback", "json", "puid", "_"}
)
PUID_LENGTH: Final = 256
# A puid must be unlike every other, not unguessable; the kernel's randomness would cost a system call each.
_random: Final = random.Random(os.urandom(32))  # noqa: S311


def read_document(request: Request) -> tuple[bytes, Document]:
    """The JSON object of the body and its bytes; InvalidJsonError when it is none."""
    body = read_body(request)
    return body, parse_object(body)


def read_body(request: Request) -> bytes:
    """The JSON text of the body, not read yet; UnsupportedMediaError when it is said to be something else."""
    if request.headers.get(b"content-type") != b"application/json":
        return _unwrapped(request.content_type, request.body)
    return request.body


def read_js_document(request: Request) -> tuple[bytes, Document]:
    """The object of parameter `json`, of the body, or one made of the other parameters."""
    if request.body:
        return read_document(request)
    text = request.query.get("json")
    if text is not None:
        body = text.encode("utf-8", "surrogatepass")
        return body, parse_object(body)
    query = request.query
    # In the caller's order, because a model without names takes them by place.
    features = {name: _feature(query[name]) for name, _ in request.query_pairs if name not in _JS_PARAMETERS}
    document: Document = {"data": features}
    return orjson.dumps(document), document


def parse_object(body: bytes) -> Document:
    """`body` as a JSON object; InvalidJsonError says what is wrong with it."""
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        reason = f"invalid JSON: {error}" if body.strip() else "the body is empty; send a JSON object"
        raise InvalidJsonError(reason) from None
    if not isinstance(document, dict):
        raise InvalidJsonError("the body must be a JSON object")
    return document


def puid_of(request: Request, meta: Document) -> str:
    """Who or what is predicted for: as query, header or body say, else 40 random hex digits."""
    puid = request.query.get("puid") if request.scope["query_string"] else None
    puid = puid or request.header(b"seldon-puid") or meta.get("puid")
    if not puid:
        return f"{_random.getrandbits(160):040x}"
    if not isinstance(puid, str) or len(puid) > PUID_LENGTH or not puid.isprintable():
        raise InvalidInputError(f"a puid is a printable text of at most {PUID_LENGTH} characters")
    return puid


def _unwrapped(kind: str, body: bytes) -> bytes:
    """The JSON text in `body` of a content type that is not plainly JSON."""
    if kind.startswith(_UNREADABLE):
        raise UnsupportedMediaError(f"{kind} is not read here; send application/json")
    if kind == "application/x-www-form-urlencoded" and not body.lstrip().startswith(b"{"):
        return _form_field(body)
    return body


def _form_field(body: bytes) -> bytes:
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=100)
    except ValueError:
        raise InvalidJsonError("the form cannot be read; send application/json") from None
    return fields.get("json", [""])[0].encode()


def _feature(text: str) -> float | str:
    """A number when it reads as a finite one, as Seldon Server took parameters."""
    try:
        number = float(text)
    except ValueError:
        return text
    return number if number - number == 0 else text
