"""Writes the records of predictions into the spool: nobody waits for them, so they go in groups."""

from __future__ import annotations

import asyncio
from typing import Final

from events.sinks.base import PREDICTIONS, Sink

# A record of a prediction is lost with the process for at most this long.
FLUSH_SECONDS: Final = 0.05
FLUSH_BYTES: Final = 1 << 20


class Recorder:
    """Gathers lines by client and hands them to the sink twenty times a second."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._lines: dict[str, list[bytes]] = {}
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, client: str, line: bytes) -> None:
        """Record `line` of `client` soon."""
        lines = self._lines.get(client)
        if lines is None:
            self._lines[client] = [line]
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        else:
            lines.append(line)
        self._size += len(line)
        if self._size > FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand everything to the sink now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._lines, self._size = self._lines, {}, 0
        for client, waiting in lines.items():
            self.sink.append_nowait(PREDICTIONS, client, waiting)
