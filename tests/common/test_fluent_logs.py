"""Service logs go to Fluentd when it is there, and are in nobody's way when it is not."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgpack
import pytest

from common.fluent_logs import QUEUE_LINES, FluentLogHandler
from common.logs import RequestFilter, current_request
from tests.servers import free_port


@dataclass
class Facts:
    request_id: str
    client: str


@contextmanager
def logger_to(port: int) -> Iterator[logging.Logger]:
    """A logger of its own whose lines go to `port` alone; closed at the end."""
    handler = FluentLogHandler("127.0.0.1", port)
    handler.addFilter(RequestFilter())
    logger = logging.Logger("tested")
    logger.addHandler(handler)
    try:
        yield logger
    finally:
        handler.close()


def read_messages(listener: socket.socket, count: int) -> list[Any]:
    connection, _ = listener.accept()
    connection.settimeout(20)
    unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)
    found: list[Any] = []
    with connection:
        while len(found) < count:
            unpacker.feed(connection.recv(65536))
            found += list(unpacker)
    return found


def test_a_line_arrives_with_its_request_and_client() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        with logger_to(listener.getsockname()[1]) as logger:
            token = current_request.set(Facts("r-1", "acme"))
            logger.warning("said %s", "it")
            current_request.reset(token)
            [(tag, _, record)] = read_messages(listener, 1)
    assert tag == "seldon.log"
    facts = {"level": "WARNING", "message": "said it", "request_id": "r-1", "client": "acme"}
    assert facts.items() <= record.items()


@pytest.mark.timeout(30)
def test_nobody_waits_while_it_is_away() -> None:
    port = free_port()
    with logger_to(port) as logger:
        for number in range(3 * QUEUE_LINES):
            logger.info("line %d", number)


@pytest.mark.timeout(30)
def test_a_receiver_that_hangs_holds_neither_a_line_nor_the_end() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        blockers = [socket.create_connection(("127.0.0.1", port), 2)]
        before = set(threading.enumerate())
        with logger_to(port) as logger:
            for number in range(2 * QUEUE_LINES):
                logger.info("%s", "x" * 2000 + str(number))
        # The thread may still wait for the socket; it keeps no process alive.
        assert all(thread.daemon for thread in set(threading.enumerate()) - before)
        for blocker in blockers:
            blocker.close()


def test_a_line_that_cannot_be_formatted_breaks_nothing(capsys: Any) -> None:
    with logger_to(free_port()) as logger:
        logger.info("%d", "no number")
    assert "no number" in capsys.readouterr().err
