"""Answers that leave in one write, on a real socket and at the seam."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lane.whole import CYCLE, answer_whole, whole_body


class Wire:
    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.is_closed = True


def make_cycle(**changes: Any) -> Any:
    facts: dict[str, Any] = {
        "body": bytearray(b"hi"),
        "more_body": False,
        "disconnected": False,
        "response_started": False,
        "response_complete": False,
        "waiting_for_100_continue": False,
        "keep_alive": True,
        "flow": SimpleNamespace(write_paused=False),
        "default_headers": [(b"date", b"now")],
        "transport": Wire(),
        "message_event": SimpleNamespace(set=lambda: None),
        "ended": [],
    }
    cycle = SimpleNamespace(**(facts | changes))
    cycle.on_response = lambda: cycle.ended.append(True)
    return cycle


def test_answer_leaves_in_one_write_and_ends_the_cycle() -> None:
    cycle = make_cycle()
    assert answer_whole({CYCLE: cycle}, 200, [(b"content-length", b"2")], b"{}")
    assert cycle.transport.writes == [b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 2\r\n\r\n{}"]
    assert (cycle.response_complete, cycle.ended, cycle.transport.is_closed) == (True, [True], False)


@pytest.mark.parametrize("headers", [[], [(b"connection", b"close")]])
def test_connection_that_is_not_kept_is_closed_and_told_so_once(headers: list[tuple[bytes, bytes]]) -> None:
    cycle = make_cycle(keep_alive=bool(headers))
    assert answer_whole({CYCLE: cycle}, 408, headers, b"")
    assert cycle.transport.writes[0].count(b"connection: close\r\n") == 1
    assert cycle.transport.is_closed


def test_line_break_in_a_headers_value_is_refused_before_a_byte_is_sent() -> None:
    cycle = make_cycle()
    with pytest.raises(ValueError, match="line break"):
        answer_whole({CYCLE: cycle}, 200, [(b"x-request-id", b"a\r\nset-cookie: b")], b"")
    assert (cycle.transport.writes, cycle.response_started) == ([], False)


def test_caller_that_is_gone_counts_as_answered() -> None:
    cycle = make_cycle(disconnected=True)
    assert answer_whole({CYCLE: cycle}, 200, [], b"")
    assert cycle.transport.writes == []


@pytest.mark.parametrize(
    "scope", [{}, {CYCLE: make_cycle(flow=SimpleNamespace(write_paused=True))}], ids=["foreign", "paused"]
)
def test_answer_takes_the_ordinary_way_under_another_server_or_when_writing_is_paused(
    scope: dict[str, Any],
) -> None:
    assert not answer_whole(scope, 200, [], b"")


@pytest.mark.parametrize(
    ("cycle", "body"),
    [
        (make_cycle(), b"hi"),
        (make_cycle(more_body=True), None),
        (make_cycle(disconnected=True), None),
        (None, None),
    ],
    ids=["whole", "arriving", "gone", "foreign"],
)
def test_body_is_taken_at_once_only_when_it_is_whole(cycle: Any, body: bytes | None) -> None:
    assert whole_body({CYCLE: cycle} if cycle else {}) == body
