"""Forms read here and by Seldon Core's wrapper itself: the same message, or both refuse."""

from __future__ import annotations

import base64
import json
import random
import subprocess
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from common.errors import SeldonError
from lane.dialects import SELDON_CORE
from lane.request import Request
from lane.route import Docs, Route
from predictions.forms import read_form_body
from predictions.graphs.message import read_message
from tests.microservice.running import PROJECT
from tests.predictions.graphs.test_forms import FORM, MULTIPART, field, form

PYTHON = PROJECT / ".run" / "seldon-core" / "bin" / "python"
SCRIPT = PROJECT / "tests" / "microservice" / "foreign" / "read_forms.py"
NAMES = ("data", "jsonData", "strData", "binData", "meta")
CONTENTS = (
    b'{"ndarray":[[1.0,2]]}', b"{}", b'"AP8="', b"[1, 2]", b"plain", b"", b"\r\n", b"a\r\n--xy\r\n",
    "é".encode(), b'{"tags":{"z":1}}', b"null", b"\x00\xff",
)  # fmt: skip
pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(
        not PYTHON.exists(), reason="seldon-core is not in .run/seldon-core; `make journeys` installs it"
    ),
]


async def nothing(request: Request) -> Any:
    raise NotImplementedError


ROUTE = Route("/", ("POST",), nothing, SELDON_CORE, "predict", Docs(""))


def ours(kind: str, query: str, body: bytes) -> Any:
    """The message as our doors read it, None where they refuse."""
    headers = [(b"content-type", kind.encode())] if kind else []
    request = Request({"headers": headers, "query_string": query.encode(), "method": "POST"}, ROUTE, {})
    request.body = body
    try:
        return orjson.loads(read_message(read_form_body(request)).body)
    except (SeldonError, ValueError):
        return None


@pytest.fixture(scope="module")
def theirs() -> Iterator[Any]:
    words = [str(PYTHON), str(SCRIPT)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def read(kind: str, query: str, body: bytes) -> Any:
            asked = {"kind": kind, "query": query, "body": base64.b64encode(body).decode()}
            stdin.write(json.dumps(asked) + "\n")
            stdin.flush()
            return json.loads(stdout.readline())

        yield read
        stdin.close()


def some_fields(dice: random.Random) -> list[bytes]:
    found = []
    for _ in range(dice.randint(1, 4)):
        name, content, file = dice.choice(NAMES), dice.choice(CONTENTS), dice.choice(("", "", "f.bin"))
        # The wrapper puts question marks where strData is no text; we refuse it.
        found.append(field(name, b"text" if name == "strData" and b"\xff" in content else content, file))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_any_form_is_read_as_the_wrapper_reads_it(theirs: Any, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(40):
        body = form(*some_fields(dice))
        expected = theirs(MULTIPART, "", body)
        # What the wrapper hands on and then cannot use: a meta that is no object.
        if isinstance(expected, dict) and not isinstance(expected.get("meta"), dict | None):
            expected = None
        assert ours(MULTIPART, "", body) == expected, body


@pytest.mark.parametrize(
    ("kind", "query", "body"),
    [
        (FORM, "", b"json=%7B%22strData%22%3A%22x%22%7D"),
        (FORM, "json=%7B%22strData%22%3A%22q%22%7D", b"json=%7B%22strData%22%3A%22x%22%7D"),
        (FORM, "json=%7B%22strData%22%3A%22q%22%7D", b"other=1"),
        (FORM, "", b"json=%7B%22strData%22%3A%22%C3%A9+%22%7D&json=1"),
        ("application/json", "json=%7B%22strData%22%3A%22q%22%7D", b'{"strData":"b"}'),
        ("application/json", "json=", b'{"strData":"b"}'),
        ("application/json; charset=utf-8", "", b'{"strData":"b"}'),
        ("application/vnd.seldon+json", "", b'{"strData":"b"}'),
        ("", "json=%7B%22strData%22%3A%22q%22%7D", b""),
        ('multipart/form-data; boundary="xyz"', "", form(field("strData", b"a"))),
        (MULTIPART, "", b"preamble\r\n" + form(field("strData", b"a")) + b"epilogue"),
        (FORM, "", b""),
        ("application/json", "", b"{"),
    ],
)
def test_each_place_of_a_message_is_looked_at_in_the_wrappers_order(
    theirs: Any, kind: str, query: str, body: bytes
) -> None:
    assert ours(kind, query, body) == theirs(kind, query, body)
