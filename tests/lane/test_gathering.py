"""Head and body leave in one piece, and nothing is held back for long."""

from __future__ import annotations

import asyncio
from typing import Any

from lane.gathering import GatheringTransport


class Wire:
    """A transport that remembers its writes."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.pieces.append(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def get_extra_info(self, name: str) -> str:
        return name


def gathering() -> tuple[Wire, Any]:
    wire = Wire()
    return wire, GatheringTransport(wire, asyncio.get_running_loop())


async def test_head_and_body_leave_in_one_piece() -> None:
    wire, transport = gathering()
    for _ in range(2):
        transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
        transport.write(b"{}")
    await asyncio.sleep(0)
    assert wire.pieces == [b"HTTP/1.1 200 OK\r\n\r\n{}"] * 2


async def test_head_without_a_body_leaves_at_the_next_turn() -> None:
    wire, transport = gathering()
    transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
    assert wire.pieces == []
    await asyncio.sleep(0)
    transport.write(b"late")
    assert wire.pieces == [b"HTTP/1.1 200 OK\r\n\r\n", b"late"]


async def test_close_sends_what_is_held_first() -> None:
    wire, transport = gathering()
    transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    transport.close()
    assert (wire.pieces, transport.is_closing()) == ([b"HTTP/1.1 204 No Content\r\n\r\n"], True)


async def test_everything_else_is_the_transports_own() -> None:
    _, transport = gathering()
    assert transport.get_extra_info("socket") == "socket"
