"""What every sink promises, whichever it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from events.errors import SpoolFailedError
from events.sinks.base import EVENTS, PREDICTIONS, Sink

# What a sink kept, as (stream, client, objects, key_hash) of each record.
ReadBack = Callable[[Sink], list[tuple[str, str, tuple[bytes, ...], bytes]]]


class SinkContract:
    """Inherit, and give the fixtures `sink`, `broken` (must refuse; neither started) and `read_back`."""

    async def test_what_was_awaited_is_kept(self, sink: Sink, read_back: ReadBack) -> None:
        await sink.start()
        await sink.append(EVENTS, "acme", (b'{"a":1}',), b"k" * 16)
        await sink.append(EVENTS, "globex", (b"{}", b'{"b":2}'))
        assert read_back(sink) == [
            (EVENTS, "acme", (b'{"a":1}',), b"k" * 16),
            (EVENTS, "globex", (b"{}", b'{"b":2}'), b""),
        ]
        await sink.stop()

    async def test_records_are_kept_in_the_order_they_came(self, sink: Sink, read_back: ReadBack) -> None:
        await sink.start()
        await asyncio.gather(*[sink.append(EVENTS, "acme", (b"%d" % n,)) for n in range(300)])
        assert [objects for _, _, objects, _ in read_back(sink)] == [(b"%d" % n,) for n in range(300)]
        await sink.stop()

    async def test_what_nobody_waits_for_is_kept_when_it_stops(self, sink: Sink, read_back: Any) -> None:
        await sink.start()
        sink.append_nowait(PREDICTIONS, "acme", (b"{}",))
        await sink.stop()
        assert read_back(sink) == [(PREDICTIONS, "acme", (b"{}",), b"")]

    async def test_a_waiter_who_gives_up_harms_nobody_else(self, sink: Sink, read_back: ReadBack) -> None:
        await sink.start()
        first, second = sink.append(EVENTS, "acme", (b"1",)), sink.append(EVENTS, "acme", (b"2",))
        first.cancel()
        await second
        assert (b"2",) in [objects for _, _, objects, _ in read_back(sink)]
        await sink.stop()

    async def test_a_sink_that_cannot_write_refuses_and_says_why(self, broken: Sink) -> None:
        await broken.start()
        with pytest.raises(SpoolFailedError):
            await broken.append(EVENTS, "acme", (b"{}",))
        broken.append_nowait(PREDICTIONS, "acme", (b"{}",))
        await asyncio.sleep(0)
        assert broken.problem()
        await broken.stop()
