"""A file served by the lane: packed, asked for again, only its head."""

from __future__ import annotations

import gzip

import pytest

from lane.files import ServedFile, accepts_gzip
from lane.reply import TEXT, Reply
from lane.request import Request
from tests.lane.doubles import Answer, AsgiCaller, make_lane, make_route

CONTENT = b"words and more words " * 50
FILE = ServedFile(CONTENT, TEXT)


async def serve(request: Request) -> Reply:
    return FILE.answer(request, b"public, max-age=300")


CALLER = AsgiCaller(make_lane(make_route("/file", methods=("GET",), endpoint=serve, door="public")))


async def fetch(method: str = "GET", **headers: str) -> Answer:
    return await CALLER(
        method, "/file", (), [(name.replace("_", "-"), value) for name, value in headers.items()]
    )


async def test_who_unpacks_gets_it_packed() -> None:
    answer = await fetch(accept_encoding="br, gzip")
    assert gzip.decompress(answer.body) == CONTENT
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "accept-encoding")
    assert answer.headers["content-length"] == str(len(answer.body))


async def test_who_does_not_gets_it_plain() -> None:
    answer = await fetch()
    assert (answer.status, answer.body) == (200, CONTENT)
    assert "content-encoding" not in answer.headers


async def test_a_head_says_what_a_get_would() -> None:
    answer = await fetch("HEAD", accept_encoding="gzip")
    full = await fetch(accept_encoding="gzip")
    assert (answer.body, answer.headers["content-length"]) == (b"", full.headers["content-length"])


@pytest.mark.parametrize("form", ["{}", "*", '"other", {}', "{}, {}"])
async def test_who_has_it_is_told_so(form: str) -> None:
    etag = (await fetch()).headers["etag"]
    for each in (etag, etag.removeprefix("W/")):
        answer = await fetch(if_none_match=form.format(each, each))
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)
        assert "content-length" not in answer.headers
        assert answer.headers["cache-control"] == "public, max-age=300"


async def test_who_has_another_gets_this_one() -> None:
    assert (await fetch(if_none_match='"other"')).status == 200


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("gzip", True),
        ("GZip;q=0.5", True),
        ("deflate, *", True),
        ("gzip;q=0.01", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("*, gzip;q=0", False),
    ],
)
def test_accept_encoding_is_read(header: str, expected: bool) -> None:
    assert accepts_gzip(header) is expected
