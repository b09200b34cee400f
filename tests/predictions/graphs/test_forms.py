"""Messages that are no JSON: text, bytes and forms, as a unit gets them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from predictions.forms import MAX_FIELDS
from tests.predictions.graphs.servings import predictor, serving, unit
from tests.predictions.graphs.units import FEEDBACK, SUM, units
from tests.predictions.machine import NAMED, answering, read, running, spec
from tests.predictions.upstreams import serving as serving_one

SAYS = {"any": {"strData": "fine", "meta": {}}}
MULTIPART = "multipart/form-data; boundary=xyz"
FORM = "application/x-www-form-urlencoded"
DATA = b'{"ndarray":[[1.0,2.50]]}'


def field(name: str, content: bytes, file: str = "") -> bytes:
    """One part of a form."""
    named = f'; filename="{file}"'.encode() if file else b""
    head = b'Content-Disposition: form-data; name="%b"%b' % (name.encode(), named)
    return b"--xyz\r\n%b\r\n\r\n%b\r\n" % (head, content)


def form(*fields: bytes) -> bytes:
    return b"".join(fields) + b"--xyz--\r\n"


async def asked(target: str, body: bytes, kind: str) -> tuple[Any, list[bytes]]:
    """What is answered, and what the unit was sent."""
    async with units(SAYS) as (machine, (a,)):
        machine.deploy("acme", sum=serving(predictor(unit("a", endpoints=a.url))))
        answer = await machine.post(target, body, kind=kind)
    return answer, a.bodies


@pytest.mark.parametrize("target", [SUM, "/api/v1.0/predictions", "/seldon/sum/api/v0.1/predictions"])
@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ('é"\n'.encode(), "text/plain", {"strData": 'é"\n'}),
        ("é".encode("latin-1"), 'text/csv; charset="ISO-8859-1"', {"strData": "é"}),
        (b'{"data": 1}', "text/plain; charset=utf-8", {"strData": '{"data": 1}'}),
        (b"\x00\xff", "application/octet-stream", {"binData": "AP8="}),
        (b'{"strData":"x"}', "application/json; charset=utf-8", {"strData": "x"}),
        (b"json=%7B%22strData%22%3A%22x%22%7D", FORM, {"strData": "x"}),
        (b'{"strData":"x"}', FORM, {"strData": "x"}),
    ],
)
async def test_every_kind_of_body_becomes_its_message(
    target: str, body: bytes, kind: str, message: Any
) -> None:
    answer, (sent,) = await asked(target, body, kind)
    assert (answer.status, read(answer)["strData"]) == (200, "fine")
    assert orjson.loads(sent) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            [field("data", DATA), field("meta", b'{"tags":{"z":1}}')],
            b'{"data":{"ndarray":[[1.0,2.50]]},"meta":{"tags":{"z":1}}}',
        ),
        ([field("strData", b'a "b"')], b'{"strData":"a \\"b\\""}'),
        ([field("strData", "é\r\n--xy".encode(), "f.txt")], '{"strData":"é\\r\\n--xy"}'.encode()),
        ([field("binData", b"\r\n\x00\xff", "f.bin")], b'{"binData":"DQoA/w=="}'),
        ([field("binData", b'"AP8="')], b'{"binData":"AP8="}'),
        ([field("jsonData", b"[1]"), field("jsonData", b"[2]")], b'{"jsonData":[1]}'),
        ([field("strData", b"a"), field("strData", b"b", "f")], b'{"strData":"b"}'),
    ],
)
async def test_fields_and_files_of_a_form_are_the_keys_of_the_message(
    fields: list[bytes], message: bytes
) -> None:
    answer, bodies = await asked(SUM, form(*fields), MULTIPART)
    assert (answer.status, bodies) == (200, [message])


async def test_message_in_the_query_goes_before_the_body() -> None:
    target = f"{SUM}?json=%7B%22strData%22%3A%22q%22%7D"
    assert (await asked(target, b"", ""))[1] == [b'{"strData":"q"}']
    assert (await asked(target, b'{"strData":"b"}', "application/json"))[1] == [b'{"strData":"q"}']


async def test_puid_and_tags_of_a_form_are_answered() -> None:
    meta = field("meta", b'{"puid":"p1","tags":{"z":1}}')
    answer, _ = await asked(SUM, form(field("data", DATA), meta), MULTIPART)
    assert (answer.headers["seldon-puid"], read(answer)["meta"]["tags"]) == ("p1", {"z": 1})


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "text/plain"),
        (b"", "application/octet-stream"),
        (b"\xff", "text/plain"),
        (b"x", "text/plain; charset=punycode"),
        (b"a=b", FORM),
        (b"", MULTIPART),
        (b"nothing", MULTIPART),
        (form(), MULTIPART),
        (form(field("data", DATA)), "multipart/form-data"),
        (field("data", DATA), MULTIPART),
        (form(field("data", b"1}")), MULTIPART),
        (form(field("data", b'{"a":"\xff"}')), MULTIPART),
        (form(field("strData", b"\xff", "f")), MULTIPART),
        (form(field("", b"1")), MULTIPART),
        (b"--xyz\r\n\r\nx\r\n--xyz--", MULTIPART),
        (b"--xyz\r\nX: " + b"y" * 3000 + b"\r\n\r\nx\r\n--xyz--", MULTIPART),
        (form(*[field(f"f{n}", b"1") for n in range(MAX_FIELDS + 1)]), MULTIPART),
    ],
)
async def test_form_or_text_that_cannot_be_read_is_refused_before_a_unit_is_called(
    body: bytes, kind: str
) -> None:
    answer, bodies = await asked(SUM, body, kind)
    assert (answer.status, read(answer)["status"]["status"], bodies) == (400, "FAILURE", [])


@pytest.mark.parametrize("kind", ["image/png", "application/xml", "multipart/mixed; boundary=xyz"])
async def test_what_no_original_reads_is_refused(kind: str) -> None:
    assert (await asked(SUM, b"x", kind))[0].status == 415


async def test_feedback_is_taken_as_a_form_too() -> None:
    fields = field("request", b'{"data":%b}' % DATA), field("reward", b"1.0")
    answer, (sent,) = await asked(FEEDBACK, form(*fields), MULTIPART)
    assert (answer.status, sent) == (200, b'{"request":{"data":{"ndarray":[[1.0,2.50]]}},"reward":1.0}')


async def test_microservice_gets_the_message_too() -> None:
    async with serving_one(answering({"strData": "fine"})) as model, running() as machine:
        machine.register("acme", spec(model.origin))
        answer = await machine.post(NAMED, b"hello", kind="text/plain")
    assert (answer.status, orjson.loads(model.requests[0][1])["strData"]) == (200, "hello")
