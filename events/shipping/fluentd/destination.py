"""The destination that speaks the forward protocol: chunk by chunk, each acknowledged before the next."""

from __future__ import annotations

from typing import Final

from events.shipping.base import Destination, Rename, give_names
from events.shipping.fluentd.encoding import encode_entries, pack_chunk
from events.shipping.fluentd.hosts import Receivers
from events.sinks.files import Files
from events.sinks.framing import Record

# What a chunk holds before it is packed. A receiver keeps a whole chunk in memory until it acknowledges.
CHUNK_BYTES: Final = 1 << 20


class _Waiting:
    """Entries of one tag that are not sent yet."""

    __slots__ = ("entries", "size")

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.size = 0


class FluentdDestination(Destination):
    """Sends chunks of one stream each to `receivers`.

    A chunk goes out only when the one before it was acknowledged, so what a receiver has is always a
    beginning of what was taken, in order. After a failure all of a round comes again, in the same chunks
    with the same ids.
    """

    def __init__(
        self, receivers: Receivers, *, is_packed: bool = True, chunk_bytes: int = CHUNK_BYTES
    ) -> None:
        self._receivers = receivers
        self._is_packed = is_packed
        self._chunk_bytes = chunk_bytes
        self._waiting: dict[str, _Waiting] = {}

    def take(self, record: Record) -> None:
        waiting = self._waiting.get(record.stream)
        if waiting is None:
            waiting = self._waiting[record.stream] = _Waiting()
        for entry in encode_entries(record):
            waiting.entries.append(entry)
            waiting.size += len(entry)
            if waiting.size >= self._chunk_bytes:
                self._send(record.stream)

    def prepare(self) -> list[Rename]:
        for stream in list(self._waiting):
            self._send(stream)
        return []

    def publish(self, renames: list[Rename]) -> None:
        """What is acknowledged is published; names are left over only from hourly files."""
        give_names(renames, Files())

    def discard(self) -> None:
        self._waiting.clear()

    def close(self) -> None:
        self._receivers.close()

    def _send(self, stream: str) -> None:
        waiting = self._waiting[stream]
        if waiting.entries:
            self._receivers.deliver(pack_chunk(stream, waiting.entries, is_packed=self._is_packed))
        self._waiting[stream] = _Waiting()
