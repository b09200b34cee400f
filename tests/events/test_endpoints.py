"""The doors of events as a caller sees them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from common.errors import NotAuthenticatedError
from common.traffic import TRAFFIC
from events.endpoints import event_routes
from events.errors import SpoolFullError
from events.idempotency import SqliteKeyStore
from events.records import EventLimits
from events.services import EventIntake
from events.sinks.memory import MemorySink
from lane.app import Lane
from lane.request import Request
from lane.router import Router
from tests.factories import make_caller
from tests.lane.doubles import Answer, AsgiCaller


class OpenDoor:
    """Everybody is who the header `x-client` says; nobody without it."""

    def verify(self, request: Request) -> Any:
        client = request.header(b"x-client")
        if not client:
            raise NotAuthenticatedError("who are you?")
        return make_caller(client, legacy_api=client == "legacy")

    async def resolve(self, request: Request) -> Any:
        raise NotImplementedError

    def admit(self, request: Request) -> None:
        """No quota."""


@dataclass
class Door:
    """The lane with the routes of events, and what they kept."""

    caller: AsgiCaller
    sink: MemorySink

    async def post(self, body: bytes, path: str = "/events", **headers: str) -> Answer:
        named = {"content-type": "application/json", "x-client": "acme"}
        named.update({name.replace("_", "-"): value for name, value in headers.items()})
        return await self.caller("POST", path, (body,), list(named.items()))

    async def get(self, path: str) -> Answer:
        return await self.caller("GET", path, (b"",), [("x-client", "acme")])


@pytest.fixture
def door(tmp_path: Path) -> Door:
    sink = MemorySink()
    intake = EventIntake(sink, SqliteKeyStore(tmp_path / "keys"), EventLimits(10, 64))
    routes = event_routes(intake, max_body_bytes=2000)

    async def fallback(scope: Any, receive: Any, send: Any) -> None:
        raise NotImplementedError

    doors = {"token": OpenDoor(), "js": OpenDoor()}
    return Door(AsgiCaller(Lane(Router(routes), doors, fallback)), sink)


def stored(door: Door) -> list[dict[str, Any]]:
    return [json.loads(text) for record in door.sink.records for text in record.objects]


async def test_one_event_is_answered_with_what_is_kept(door: Door) -> None:
    answer = await door.post(b'{"a":1}')
    assert answer.status == 200
    assert json.loads(answer.body)["json"].encode() == door.sink.records[0].objects[0]


async def test_a_batch_is_answered_with_what_became_of_its_rows(door: Door) -> None:
    answer = await door.post(b'[{"a":1},7]')
    assert answer.status == 200
    row = {"index": 1, "error_id": 38, "error_msg": "An event must be a JSON object, this is a number."}
    assert json.loads(answer.body) == {"accepted": 1, "rejected": [row]}


@pytest.mark.parametrize("media", ["application/x-ndjson", "application/x-ndjson; charset=utf-8"])
async def test_lines_are_taken_by_their_content_type(door: Door, media: str) -> None:
    answer = await door.post(b'{"a":1}\n{"b":2}\n', content_type=media)
    assert json.loads(answer.body) == {"accepted": 2, "rejected": []}


async def test_a_batch_without_a_good_row_is_400_with_its_rows(door: Door) -> None:
    answer = await door.post(b"[1]")
    body = json.loads(answer.body)
    assert (answer.status, body["error_id"], body["http_response"]) == (400, 38, 400)
    assert (body["accepted"], body["rejected"][0]["index"]) == (0, 0)


@pytest.mark.parametrize(
    ("body", "headers", "status", "error_id"),
    [
        (b"{", {}, 400, 38),
        (b"", {}, 400, 38),
        (b'{"timestamp":1.0}', {}, 400, 38),
        (b'{"a":' * 65 + b"1" + b"}" * 65, {}, 400, 38),
        (b"[" + b"{}," * 10 + b"{}]", {}, 413, 26),
        (b'{"a":"' + b"x" * 2000 + b'"}', {}, 413, 26),
        (b"a=1", {"content_type": "application/x-www-form-urlencoded"}, 415, 26),
        (b"<a/>", {"content_type": "text/xml"}, 415, 26),
        (b"{}", {"idempotency_key": ""}, 400, 26),
        (b"{}", {"idempotency_key": "x" * 256}, 400, 26),
        (b"{}", {"x_client": ""}, 401, 1),
    ],
)
async def test_wrong_requests_are_refused_and_nothing_is_kept(
    door: Door, body: bytes, headers: dict[str, str], status: int, error_id: int
) -> None:
    answer = await door.post(body, **headers)
    assert (answer.status, json.loads(answer.body)["error_id"]) == (status, error_id)
    assert not door.sink.records


async def test_a_full_disk_is_503_with_retry_after(door: Door) -> None:
    door.sink.failure = SpoolFullError("/spool")
    answer = await door.post(b"{}")
    assert answer.status == 503
    assert answer.headers["retry-after"] == "5"
    assert "no room" in json.loads(answer.body)["error_msg"]


async def test_a_legacy_client_gets_errors_with_200(door: Door) -> None:
    answer = await door.post(b"[1]", x_client="legacy")
    assert answer.status == 200
    assert json.loads(answer.body)["http_response"] == 400


async def test_a_key_with_another_body_is_422(door: Door) -> None:
    assert (await door.post(b'{"a":1}', idempotency_key="k")).status == 200
    assert (await door.post(b'{"a":1}', idempotency_key="k")).status == 200
    assert (await door.post(b'{"a":2}', idempotency_key="k")).status == 422
    assert len(door.sink.records) == 1


async def test_another_method_is_405(door: Door) -> None:
    answer = await door.get("/events")
    assert (answer.status, answer.headers["allow"]) == (405, "POST, OPTIONS")


async def test_what_is_refused_is_counted_by_its_reason(door: Door) -> None:
    TRAFFIC.take()
    await door.post(b"{")
    await door.post(b'{"a":"' + b"x" * 2000 + b'"}')
    await door.post(b"[1,2]")
    await door.post(b"[{},2]")
    rejected = {reason: count for row in TRAFFIC.take() for reason, count in row.rejected.items()}
    assert rejected == {"event_malformed": 1, "too_large": 1, "nothing_accepted": 2, "event_not_object": 1}


# -- browsers --------------------------------------------------------------------------------------


async def test_the_parameter_json_is_the_event(door: Door) -> None:
    answer = await door.get(
        "/js/event/new?consumer_key=k&jsonpCallback=cb&json=%7B%22a%22%3A%22%C3%A9%22%7D&b=2"
    )
    assert answer.status == 200
    assert answer.body.startswith(b'cb({"json":"{')
    assert stored(door)[0] == {"a": "é", "client": "acme", "timestamp": stored(door)[0]["timestamp"]}


async def test_parameters_become_string_fields_except_those_of_the_call(door: Door) -> None:
    await door.get(
        "/js/event/new?consumer_key=k&consumer_secret=s&oauth_token=t&client=globex&puid=p&jsonpCallback=cb"
        "&type=view&item=7&twice=1&twice=2&empty=&timestamp=1700000000"
    )
    assert stored(door) == [
        {"type": "view", "item": "7", "empty": "", "timestamp": "1700000000", "client": "acme"}
    ]


@pytest.mark.parametrize(
    "query", ["timestamp=x", "timestamp=1.0", "timestamp=9223372036854775808", "timestamp=", "json=%7B"]
)
async def test_a_wrong_parameter_is_error_38_in_the_callback(door: Door, query: str) -> None:
    answer = await door.get(f"/js/event/new?jsonpCallback=cb&{query}")
    assert answer.status == 400
    assert answer.body.startswith(b'cb({"error_id":38,')
    assert not door.sink.records


async def test_a_browser_may_post_a_form_or_json(door: Door) -> None:
    await door.post(b"a=1&b=%C3%A9", "/js/event/new", content_type="application/x-www-form-urlencoded")
    await door.post(b'{"a":1}', "/js/event/new", content_type="text/plain;charset=UTF-8")
    assert [{k: v for k, v in event.items() if k in "ab"} for event in stored(door)] == [
        {"a": "1", "b": "é"},
        {"a": 1},
    ]


BATCH = "/js/events?consumer_key=k&idempotency_key=one"


async def test_a_beacons_batch_counts_once_by_the_key_in_its_query(door: Door) -> None:
    for _ in range(2):
        answer = await door.post(b'[{"a":1},7]', BATCH, content_type="text/plain;charset=UTF-8")
        assert (answer.status, json.loads(answer.body)["accepted"]) == (200, 1)
        assert [row["index"] for row in json.loads(answer.body)["rejected"]] == [1]
        assert answer.headers["access-control-allow-origin"] == "*"
    assert [event["a"] for event in stored(door)] == [1]


async def test_a_beacons_batch_is_refused_with_its_reason(door: Door) -> None:
    await door.post(b'[{"a":1}]', BATCH, content_type="text/plain")
    assert (await door.post(b'[{"a":2}]', BATCH, content_type="text/plain")).status == 422
    assert (
        await door.post(b"[1]", "/js/events?idempotency_key=two", content_type="text/plain")
    ).status == 400
    assert (await door.post(b"a=1", BATCH, content_type="multipart/form-data")).status == 415
    assert (
        await door.post(b'[{"a":1}]', "/js/events?idempotency_key=", content_type="text/plain")
    ).status == 400
    assert len(stored(door)) == 1


async def test_the_idempotency_header_goes_before_the_query(door: Door) -> None:
    await door.post(b'[{"a":1}]', BATCH, idempotency_key="two")
    await door.post(b'[{"a":1}]', BATCH.replace("one", "two"))
    assert len(stored(door)) == 1


async def test_a_browser_may_post_lines(door: Door) -> None:
    await door.post(b'{"a":1}\n{"a":2}', "/js/events", content_type="application/x-ndjson")
    assert [event["a"] for event in stored(door)] == [1, 2]
