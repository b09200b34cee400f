"""A SeldonMessage out of what is no JSON: text, bytes, and forms, with or without files.

As Seldon Core's wrapper and its Java engine read them. Parts are put together as they are: nothing is
parsed further than to see that it is JSON.
"""

from __future__ import annotations

from base64 import b64encode
from email.message import Message as Headers
from email.parser import BytesHeaderParser
from typing import Final, NamedTuple
from urllib.parse import parse_qs

import msgspec
import orjson

from common.errors import InvalidInputError, InvalidJsonError
from lane.request import Request
from predictions.bodies import read_body

MULTIPART: Final = "multipart/form-data"
FORM: Final = "application/x-www-form-urlencoded"
BYTES: Final = "application/octet-stream"
MAX_FIELDS: Final = 100
_MAX_HEAD_BYTES: Final = 2048
_MAX_BOUNDARY: Final = 200
# Each is read in a time that grows with the text alone, which is not so of all that Python knows.
_CHARSETS: Final = frozenset(
    {"", "utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252", "utf-16"}
)
_parse_head: Final = BytesHeaderParser().parsebytes
_skim: Final = msgspec.json.Decoder(msgspec.Raw).decode


class Part(NamedTuple):
    """One field of a form; a file is what has a name of its own."""

    name: str
    is_file: bool
    content: bytes


def read_message_body(request: Request) -> bytes:
    """The JSON text of the SeldonMessage that a request carries, wherever and however its caller put it.

    InvalidInputError and InvalidJsonError say what is wrong with it, UnsupportedMediaError that it is none.
    """
    if request.headers.get(b"content-type") == b"application/json" and not request.scope["query_string"]:
        return request.body
    kind = request.content_type
    if not (kind.startswith("text/") or kind == BYTES) or "json" in request.query:
        return read_form_body(request)
    if not request.body:
        return b""
    if kind == BYTES:
        return b'{"binData":"%b"}' % b64encode(request.body)
    return b'{"strData":%b}' % _as_text(request.body, _charset_of(request))


def read_form_body(request: Request) -> bytes:
    """The same of JSON alone: as the body, as a form's fields, or as `json` of a form or of the query."""
    kind = request.content_type
    if kind == MULTIPART:
        return _of_multipart(request.headers[b"content-type"], request.body)
    text = _field_of_form(request.body) if kind == FORM else ""
    text = text or request.query.get("json", "")
    return text.encode("utf-8", "surrogatepass") if text else read_body(request)


def _field_of_form(body: bytes) -> str:
    """The field `json`; none of what is JSON under the content type that curl gives it."""
    if body.lstrip()[:1] == b"{":
        return ""
    try:
        return parse_qs(body.decode("ascii"), max_num_fields=MAX_FIELDS).get("json", [""])[0]
    except ValueError:
        raise InvalidJsonError("the form cannot be read; send application/json") from None


def _of_multipart(content_type: bytes, body: bytes) -> bytes:
    """Its fields as the keys of one object; of several with one name the first file counts, or field."""
    fields: dict[str, bytes] = {}
    files: dict[str, bytes] = {}
    for part in split_form(content_type, body):
        found = files if part.is_file else fields
        if part.name not in found:
            found[part.name] = _value_of(part)
    members = fields | files
    if not members:
        raise InvalidInputError("the form has no fields; send data, jsonData, strData or binData")
    return b"{%b}" % b",".join(b"%b:%b" % (orjson.dumps(name), value) for name, value in members.items())


def _value_of(part: Part) -> bytes:
    if part.is_file and part.name == "binData":
        return b'"%b"' % b64encode(part.content)
    if part.is_file or part.name == "strData":
        return _as_text(part.content, "")
    try:
        part.content.decode()
        return bytes(_skim(part.content))
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError) as error:
        raise InvalidJsonError(f"field {part.name} of the form is not JSON: {error}") from None


def split_form(content_type: bytes, body: bytes) -> list[Part]:
    """The fields of a multipart form (RFC 7578); InvalidInputError says what keeps it from being one."""
    boundary = _boundary_of(content_type)
    # The first delimiter has no line break before it where nothing comes first.
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary, MAX_FIELDS + 2)
    if len(pieces) > MAX_FIELDS + 2:
        raise InvalidInputError(f"the form has more than {MAX_FIELDS} fields")
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise InvalidInputError("the form cannot be read: it does not end with its boundary")
    return [_part_of(piece) for piece in pieces[1:-1]]


def _part_of(piece: bytes) -> Part:
    line, _, rest = piece.partition(b"\r\n")
    head, blank, content = (b"\r\n" + rest).partition(b"\r\n\r\n")
    if line.strip(b" \t") or not blank or len(head) > _MAX_HEAD_BYTES:
        raise InvalidInputError("the form cannot be read: a field has no head, or too long a one")
    headers: Headers = _parse_head(head.removeprefix(b"\r\n"))
    name = headers.get_param("name", header="content-disposition")
    if not isinstance(name, str) or not name or not name.isprintable():
        raise InvalidInputError("the form cannot be read: a field has no name")
    return Part(name, headers.get_filename() is not None, content)


def _boundary_of(content_type: bytes) -> bytes:
    found = _parameter(content_type, "boundary")
    if not 0 < len(found) <= _MAX_BOUNDARY:
        raise InvalidInputError("the form names no boundary")
    return found.encode("latin-1", "replace")


def _charset_of(request: Request) -> str:
    return _parameter(request.headers[b"content-type"], "charset").strip().lower()


def _parameter(content_type: bytes, name: str) -> str:
    if len(content_type) > _MAX_HEAD_BYTES:
        return ""
    found = _parse_head(b"Content-Type: %b" % content_type).get_param(name)
    return found if isinstance(found, str) else ""


def _as_text(content: bytes, charset: str) -> bytes:
    """`content` as a JSON string."""
    if charset not in _CHARSETS:
        raise InvalidInputError(f"text in {charset} is not read here; send UTF-8")
    try:
        return orjson.dumps(content.decode(charset or "utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"the text is not {charset or 'UTF-8'}: {error.reason}") from None
