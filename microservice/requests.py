"""From the parts of an HTTP request to the JSON message in it, wherever the caller put it.

In this order: a multipart form's fields, a form's field `json`, the query's `json`, the body.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from microservice.errors import BodyTooLargeError, ContentTypeError
from microservice.protocol.errors import InvalidMessageError
from microservice.protocol.wire import decode_json

PLAIN_JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
EITHER_FORM = zlib.MAX_WBITS | 32  # gzip's or zlib's, as the first bytes say
MISSING = "Can't find JSON in data: send it as the body, as the query's json or as the form field json"


class Call(NamedTuple):
    """One HTTP request, read to its end."""

    method: str
    path: str
    query: bytes
    body: bytes
    content_type: str = ""
    encoding: str = ""
    request_id: bytes = b""
    connection: object = None
    headers: Sequence[tuple[bytes, bytes]] = ()
    limit: int = 100 * 2**20

    def is_abandoned(self) -> bool:
        """Say whether the caller has left; uvicorn's connection knows, for any other the answer is no."""
        return bool(getattr(self.connection, "disconnected", False))

    def names_client(self) -> bool:
        """Say whether the query has `client`, which only Seldon Server sends."""
        return b"client" in self.query and "client" in parse_query(self.query)


def read_message(call: Call) -> Any:
    """Return the message of a call; raises InvalidMessageError or ContentTypeError when there is none."""
    if call.body and call.content_type == PLAIN_JSON and not (call.encoding or call.query):
        return decode_json(call.body)
    kind = call.content_type.partition(";")[0].strip().lower()
    call = unpack(call)
    if kind == MULTIPART:
        return read_multipart(call)
    text = find_json_field(call, kind)
    if text is not None:
        return decode_json(text)
    if not call.body:
        raise InvalidMessageError(MISSING)
    check_json_type(kind, call.content_type)
    return decode_json(call.body)


def unpack(call: Call) -> Call:
    """Return a call with its body unpacked; raises BodyTooLargeError as soon as the limit is passed."""
    if call.encoding in ("", "identity"):
        return call
    if call.encoding not in ("gzip", "deflate"):
        raise ContentTypeError(f"encoded as {call.encoding}")
    unpacker = zlib.decompressobj(wbits=EITHER_FORM)
    try:
        body = unpacker.decompress(call.body, call.limit + 1)
    except zlib.error as error:
        raise InvalidMessageError(f"the body is no {call.encoding}: {error}") from error
    if len(body) > call.limit:
        raise BodyTooLargeError(call.limit)
    if not unpacker.eof:
        raise InvalidMessageError(f"the body is cut off: its {call.encoding} has no end")
    return call._replace(body=body, encoding="")


def find_json_field(call: Call, kind: str) -> str | None:
    """Return the field `json` of a form or of the query, None when neither has one."""
    if kind == FORM and call.body:
        fields = parse_query(call.body).get("json")
        if fields:
            return fields[0]
    if b"json" in call.query:
        fields = parse_query(call.query).get("json")
        if fields:
            return fields[0]
    return None


def parse_query(text: bytes) -> dict[str, list[str]]:
    """Return the fields of a query or a form; raises InvalidMessageError when it is not UTF-8."""
    try:
        return parse_qs(text.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise InvalidMessageError(f"the query or form cannot be read: {error}") from error


def check_json_type(kind: str, content_type: str) -> None:
    """Raise ContentTypeError for a body that says it is not JSON; one that says nothing is taken as JSON."""
    if kind == FORM:
        raise ContentTypeError("a form without the field json")
    if kind and kind != PLAIN_JSON and not kind.endswith("+json"):
        raise ContentTypeError(kind)
    charset = content_type.lower().partition("charset=")[2].strip(' "')
    if charset and charset not in ("utf-8", "utf8", "us-ascii"):
        raise ContentTypeError(f"JSON in {charset}, not UTF-8")


def read_multipart(call: Call) -> dict[str, Any]:
    """Return the message whose keys are the form's fields.

    Fields are JSON except `strData`, which is text; an uploaded `binData` becomes base64, other files text.
    """
    head = f"Content-Type: {call.content_type}\r\n\r\n".encode()
    form = BytesParser(policy=HTTP).parsebytes(head + call.body)
    if not form.is_multipart():
        raise InvalidMessageError("Can't find JSON in data: the multipart form cannot be read")
    message = dict(read_part(part) for part in form.iter_parts())
    if not message:
        raise InvalidMessageError(MISSING)
    return message


def read_part(part: Message) -> tuple[str, Any]:
    """Return one field of a multipart form."""
    name = str(part.get_param("name", "", "content-disposition"))
    content = part.get_payload(decode=True)
    data = content if isinstance(content, bytes) else b""
    if part.get_filename() is not None and name == "binData":
        return name, base64.b64encode(data).decode()
    if part.get_filename() is not None or name == "strData":
        return name, read_text(data)
    return name, decode_json(data)


def read_text(data: bytes) -> str:
    """Return a part's text; raises InvalidMessageError when it is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidMessageError(f"a form field is not UTF-8: {error}") from error
