"""Units that are asked how they are, over real sockets."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from deploy.unit_states import ask_states
from deploy.waiting import wait_until

ROUTER = {"router": "UCB1", "branches": []}


@contextmanager
def answering(status: int, body: bytes, hold: threading.Event | None = None) -> Iterator[str]:
    """A server that says the same to everybody, after `hold` is set."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if hold is not None:
                hold.wait(60)
            self.send_response(status if self.path == "/health/status" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def unit(http: str, state: str = "ready", name: str = "router") -> dict[str, Any]:
    process = {"state": state, "endpoint": "grpc://127.0.0.1:1", "http": http}
    return {"predictor": "main", "name": name, "processes": [process]}


def told(state: Any) -> bytes:
    return json.dumps({"jsonData": state, "meta": {}}).encode()


def test_state_is_what_the_first_ready_process_answers() -> None:
    with answering(200, told(ROUTER)) as address:
        asked = unit("http://127.0.0.1:1", "starting")
        asked["processes"].append(unit(address)["processes"][0])
        assert ask_states([asked], 20) == {("main", "router"): ROUTER}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, told(ROUTER)),
        (200, b"<html>"),
        (200, b"[1]"),
        (200, b'{"strData": "healthy"}'),
        (200, told([1])),
    ],
    ids=["failed", "no JSON", "no object", "text", "no state"],
)
def test_unit_with_nothing_to_say_is_left_out(status: int, body: bytes) -> None:
    with answering(status, body) as address:
        assert ask_states([unit(address)]) == {}


def test_unit_that_hangs_keeps_no_other_from_being_told() -> None:
    hold = threading.Event()
    with answering(200, told(ROUTER), hold) as slow, answering(200, told(ROUTER)) as quick:
        found = ask_states([unit(slow, name="slow"), unit(quick)], 3)
        hold.set()
    assert list(found) == [("main", "router")]


@contextmanager
def trickling(head: bytes, piece: bytes) -> Iterator[str]:
    """A server whose answer begins with `head` and goes on with `piece` without end, bit by bit."""
    stopping = threading.Event()

    def trickle() -> None:
        with suppress(OSError), listening.accept()[0] as caller:
            caller.sendall(head)
            while not stopping.wait(0.02):
                caller.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            stopping.set()
            thread.join()


HEADS = [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"]


@pytest.mark.parametrize("head", HEADS, ids=["head", "body"])
def test_unit_that_trickles_its_answer_keeps_no_thread(head: bytes) -> None:
    with trickling(head, b"x") as address:
        assert ask_states([unit(address)]) == {}
        assert wait_until(
            lambda: not any(each.name.startswith("states") for each in threading.enumerate()), 30
        )


@pytest.mark.parametrize("http", ["http://127.0.0.1:1", "grpc://127.0.0.1:1", "nonsense", "http://x"])
def test_unit_that_cannot_be_reached_is_left_out(http: str) -> None:
    assert ask_states([unit(http)]) == {}


def test_nobody_is_asked_while_nothing_is_ready() -> None:
    assert ask_states([unit("http://127.0.0.1:1", "crashing"), {**unit(""), "processes": []}]) == {}


def test_answer_that_is_nested_without_end_says_nothing() -> None:
    with answering(200, b"[" * 60_000) as address:
        assert ask_states([unit(address)]) == {}
