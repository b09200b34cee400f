"""Access lines: what they say, whose they are, and that no call is worse for them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from common.errors import InvalidJsonError
from events.calls import GROUP_LINES, CallLog, mask_secrets
from events.errors import SpoolFullError
from events.sinks.base import CALLS
from events.sinks.memory import MemorySink
from lane.reply import Reply
from lane.request import Request
from tests.lane.doubles import AsgiCaller, make_lane, make_route

STRANGER = (("authorization", "Bearer nobody"),)


async def answer(request: Request) -> Reply:
    if request.query.get("fail"):
        raise InvalidJsonError("no JSON")
    return Reply(b"{}")


def caller(log: CallLog) -> AsgiCaller:
    return AsgiCaller(make_lane(make_route("/events", endpoint=answer), observe=log.note))


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


def lines(sink: MemorySink) -> list[dict[str, Any]]:
    assert {record.stream for record in sink.records} <= {CALLS}
    return [json.loads(text) for record in sink.records for text in record.objects]


async def test_a_call_leaves_a_line_with_the_fields_of_old(sink: MemorySink) -> None:
    log = CallLog(sink, sample=1)
    headers = (("authorization", "Bearer good"), ("host", "api.example.com"), ("x-request-id", "r-1"))
    await caller(log)("POST", "/events?a=1", headers=headers)
    await log.stop()
    (line,) = lines(sink)
    assert sink.records[0].client == "acme"
    assert line.pop("exectime") >= 0
    assert line.pop("time") > 1_700_000_000
    assert line == {
        "retval": 0,
        "consumer": "acme",
        "httpmethod": "POST",
        "servlet": "api.example.com",
        "path": "/events",
        "query": "a=1",
        "uuid": "r-1",
        "status": 200,
    }


@pytest.mark.parametrize(("token", "status"), [("good", 400), ("legacy", 200)])
async def test_a_refusal_shows_seldons_number_whatever_the_status(
    sink: MemorySink, token: str, status: int
) -> None:
    log = CallLog(sink, sample=1)
    await caller(log)("POST", "/events?fail=1", headers=(("authorization", f"Bearer {token}"),))
    await log.stop()
    (line,) = lines(sink)
    assert (line["retval"], line["status"]) == (38, status)


async def test_strangers_leave_no_line(sink: MemorySink) -> None:
    log = CallLog(sink, sample=1)
    assert (await caller(log)("POST", "/events", headers=STRANGER)).status == 401
    await log.stop()
    assert sink.records == []


async def test_lines_are_written_in_groups_by_client_and_soon(sink: MemorySink) -> None:
    log = CallLog(sink, sample=1)
    call = caller(log)
    for number in range(GROUP_LINES):
        token = "good" if number % 2 else "new"
        await call("POST", "/events", headers=(("authorization", f"Bearer {token}"),))
    assert [(record.client, len(record.objects)) for record in sink.records] == [
        ("globex", GROUP_LINES // 2),
        ("acme", GROUP_LINES // 2),
    ]
    await call("POST", "/events")
    async with asyncio.timeout(20):
        while len(sink.records) < 3:
            await asyncio.sleep(0.01)


async def test_a_sample_keeps_its_share(sink: MemorySink) -> None:
    chances = iter([0.1, 0.25, 0.24, 0.9])
    log = CallLog(sink, sample=0.25, chance=lambda: next(chances))
    for number in range(4):
        await caller(log)("POST", f"/events?n={number}")
    await log.stop()
    assert [line["query"] for line in lines(sink)] == ["n=0", "n=2"]


async def test_a_spool_that_takes_nothing_breaks_no_call(sink: MemorySink) -> None:
    sink.failure = SpoolFullError("here")
    log = CallLog(sink, sample=1)
    call = caller(log)
    for _ in range(GROUP_LINES + 1):
        assert (await call("POST", "/events")).status == 200
    await log.stop()
    assert sink.records == []


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        (b"oauth_token=abc&a=1", "oauth_token=***&a=1"),
        (b"a=1&oauth%5Ftoken=abc&consumer_secret=s", "a=1&oauth%5Ftoken=***&consumer_secret=***"),
        (b"oauth_token&b=", "oauth_token&b="),
        (b"q=oauth_token=abc", "q=oauth_token=abc"),
        (b"x=" + b"y" * 5000, "x=" + "y" * 2046),
        (b"\xff=1", "\xff=1"),
    ],
)
def test_secrets_are_not_shown(query: bytes, shown: str) -> None:
    assert mask_secrets(query) == shown
