"""What the lane does not know reaches Django with an id and a bounded body."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async

from common.logs import current_request
from lane import handing_on
from lane.gate import Gate
from lane.handing_on import HandingOn
from lane.room import BodyRoom

Messages = list[dict[str, Any]]


async def reading_all(scope: Any, receive: Any, send: Any) -> None:
    """Reads the whole body, as Django does, and answers its length and the request's id."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message["body"])
        more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    body = f"{size} {scope['seldon.request_id']}".encode()
    await send({"type": "http.response.body", "body": body})


async def call(pieces: list[bytes], headers: list[tuple[bytes, bytes]], *, stalls: bool = False) -> Messages:
    left = [
        {"body": piece, "more_body": place < len(pieces) - 1 or stalls} for place, piece in enumerate(pieces)
    ]
    sent: Messages = []

    async def receive() -> Any:
        if not left:
            await asyncio.Event().wait()
        return {"type": "http.request", **left.pop(0)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/manage/clients", "headers": headers}
    await HandingOn(reading_all, 0.05)(scope, receive, send)
    return sent


@pytest.fixture(autouse=True)
def _small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing_on, "MAX_BODY_BYTES", 10)


async def test_body_within_the_limit_passes_and_the_callers_id_is_kept() -> None:
    start, body = await call([b"12345", b"67890"], [(b"x-request-id", b"mine")])
    assert (start["status"], body["body"]) == (200, b"10 mine")
    assert (b"x-request-id", b"mine") in start["headers"]


@pytest.mark.parametrize("given", [b"", b"x" * 129, b"caf\xe9", b"a\x01b"])
async def test_id_that_cannot_be_used_is_replaced(given: bytes) -> None:
    start, _ = await call([b""], [(b"x-request-id", given)])
    made = dict(start["headers"])[b"x-request-id"]
    assert made not in {given, b""}


@pytest.mark.parametrize(
    ("pieces", "headers"),
    [
        ([b"123456", b"789012"], []),
        ([b""], [(b"content-length", b"11")]),
        ([b""], [(b"content-length", b"9" * 20)]),
    ],
    ids=["while it arrives", "as declared", "absurd"],
)
async def test_body_over_the_limit_is_a_problem_413(pieces: list[bytes], headers: Any) -> None:
    start, body = await call(pieces, headers)
    problem = json.loads(body["body"])
    assert (start["status"], problem["code"]) == (413, "too_large")
    assert problem["instance"].encode() == dict(start["headers"])[b"x-request-id"]


async def test_body_that_stalls_is_a_problem_408() -> None:
    start, body = await call([b"1"], [], stalls=True)
    assert (start["status"], json.loads(body["body"])["code"]) == (408, "request_timeout")


async def test_log_lines_on_the_way_name_the_request() -> None:
    await call([b""], [(b"x-request-id", b"mine")])
    request = current_request.get()
    assert request is not None
    assert (request.request_id, request.client) == ("mine", "")


async def test_caller_who_sends_too_much_is_not_cut_off_before_reading_why() -> None:
    start, _ = await call([b"12345", b"678901"], [])
    assert start["status"] == 413
    assert b"connection" not in dict(start["headers"])
    start, _ = await call([b"1"], [], stalls=True)
    assert start["status"] == 408
    assert dict(start["headers"])[b"connection"] == b"close"


async def test_few_are_answered_at_once_some_wait_and_the_rest_is_refused() -> None:
    go, under_way, most = asyncio.Event(), 0, 0

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        nonlocal under_way, most
        await receive()
        under_way += 1
        most = max(most, under_way)
        await go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        under_way -= 1

    lane = HandingOn(slow, 60, Gate(most=2, most_waiting=3))
    callers = [asyncio.create_task(asked(lane)) for _ in range(7)]
    while not any(caller.done() for caller in callers):
        await asyncio.sleep(0)
    go.set()
    statuses = sorted([start["status"] for start, *_ in await asyncio.gather(*callers)])
    assert (statuses, most) == ([200] * 5 + [503] * 2, 2)
    [busy] = {dict(caller.result()[0]["headers"]).get(b"retry-after") for caller in callers} - {None}
    assert busy == b"1"


async def test_a_place_is_given_back_by_what_fails() -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise ZeroDivisionError

    lane = HandingOn(failing, 60, Gate(most=1, most_waiting=1))
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await asked(lane)


async def test_a_body_that_is_not_whole_holds_no_place() -> None:
    lane = HandingOn(reading_all, 60, Gate(most=1, most_waiting=1))
    slow = asyncio.create_task(asked(lane, more_body=True))
    await asyncio.sleep(0)
    start, *_ = await asked(lane)
    assert start["status"] == 200
    slow.cancel()


async def test_requests_share_the_threads_of_their_places() -> None:
    threads: list[int] = []

    async def threaded(scope: Any, receive: Any, send: Any) -> None:
        # As Django's handler does, before it reads the body.
        async with ThreadSensitiveContext():
            await receive()
            threads.append(await sync_to_async(threading.get_ident)())
            await send({"type": "http.response.start", "status": 200, "headers": []})

    lane = HandingOn(threaded, 60, Gate(most=2))
    for _ in range(4):
        await asyncio.gather(*(asked(lane) for _ in range(5)))
    assert (len(threads), len(set(threads))) == (20, 2)


async def test_bodies_for_django_take_so_much_memory_and_no_more() -> None:
    room = BodyRoom(10)
    lane = HandingOn(reading_all, 60, room=room)
    start, body = await asked(lane, body=b"123456")
    assert (start["status"], json.loads(body["body"])["code"]) == (503, "unavailable")
    start, *_ = await asked(lane, body=b"12345")
    assert (start["status"], room.held) == (200, 0)


async def asked(lane: HandingOn, *, body: bytes = b"", more_body: bool = False) -> Messages:
    """What `lane` answers to one request, whose body may have no end."""
    sent: Messages = []
    left = [{"type": "http.request", "body": body, "more_body": more_body}]

    async def receive() -> Any:
        return left.pop() if left else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    await lane({"type": "http", "path": "/manage/clients", "headers": []}, receive, send)
    return sent
