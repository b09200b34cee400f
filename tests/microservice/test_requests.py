"""Where a message may stand in an HTTP request."""

from __future__ import annotations

import gzip
import zlib
from urllib.parse import quote

import pytest

from microservice.errors import BodyTooLargeError, ContentTypeError
from microservice.protocol.errors import InvalidMessageError
from microservice.requests import Call, read_message


def make_call(body: bytes = b"", kind: str = "", query: str = "") -> Call:
    return Call("POST", "/predict", query.encode(), body, kind)


def make_form(*parts: tuple[str, bytes]) -> Call:
    lines = [b"--x\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (h.encode(), b) for h, b in parts]
    return make_call(b"".join(lines) + b"--x--\r\n", 'multipart/form-data; boundary="x"')


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=UTF-8", "", "application/x+json"]
)
def test_a_json_body_is_read(kind: str) -> None:
    assert read_message(make_call(b'{"a":1}', kind)) == {"a": 1}


PACKED = {
    "gzip": gzip.compress(b'{"a":1}'),
    "deflate": zlib.compress(b'{"a":1}'),
    "identity": b'{"a":1}',
}


@pytest.mark.parametrize("encoding", PACKED)
def test_a_packed_body_is_unpacked(encoding: str) -> None:
    assert read_message(Call("POST", "/predict", b"", PACKED[encoding], "", encoding)) == {"a": 1}


@pytest.mark.parametrize(
    ("body", "encoding", "error"),
    [
        (b"x", "gzip", InvalidMessageError),
        (gzip.compress(b'{"a":1}', mtime=0)[:-9], "gzip", InvalidMessageError),
        (gzip.compress(b" " * 10_000_000), "gzip", BodyTooLargeError),
        (b"x", "br", ContentTypeError),
    ],
)
def test_what_cannot_be_unpacked_or_grows_too_large_is_refused(
    body: bytes, encoding: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        read_message(Call("POST", "/predict", b"", body, "", encoding, limit=1_000_000))


def test_the_query_goes_before_the_body() -> None:
    assert read_message(make_call(b"{}", "application/json", "client=c&json=" + quote('{"a":"ü"}'))) == {
        "a": "ü"
    }


def test_a_form_field_goes_before_the_query() -> None:
    form = make_call(b"json=%5B1%5D", "application/x-www-form-urlencoded", "json=%5B2%5D")
    assert read_message(form) == [1]


def test_multipart_fields_and_files_make_a_message() -> None:
    form = make_form(
        ('name="meta"', b'{"puid":"p"}'),
        ('name="binData"; filename="f"', b"\x00\xff\r\n\x01"),
        ('name="strData"; filename="t"', "ü".encode()),
    )
    assert read_message(form) == {"meta": {"puid": "p"}, "binData": "AP8NCgE=", "strData": "ü"}


@pytest.mark.parametrize(
    "call",
    [
        make_call(),
        make_call(query="json="),
        make_call(query="json=%ff"),
        make_call(query="client=c"),
        make_call(b"", "application/json"),
        make_call(b"x", "multipart/form-data"),
        make_call(b"--x--", "multipart/form-data; boundary=x"),
        make_form(('name="data"', b"{bad")),
        make_form(('name="strData"', b"\xff")),
    ],
)
def test_a_call_without_a_readable_message_is_refused(call: Call) -> None:
    with pytest.raises(InvalidMessageError):
        read_message(call)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16"]
)
def test_a_body_that_is_no_json_by_its_own_word_is_refused(kind: str) -> None:
    with pytest.raises(ContentTypeError) as refused:
        read_message(make_call(b"{}", kind))
    assert refused.value.status_code == 415


@pytest.mark.parametrize(
    ("query", "names"), [("client=a", True), ("a=1&client=", True), ("json=client", False), ("", False)]
)
def test_the_client_in_the_query_is_seen(query: str, names: bool) -> None:
    assert make_call(query=query).names_client() is names
