"""Writes the records of predictions into the spool: nobody waits for them, so they go in groups."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from common import clock
from events.sinks.base import PREDICTIONS, Sink
from predictions.prediction_log import LogPolicy, Prediction, line_of

# A record of a prediction is lost with the process for at most this long.
FLUSH_SECONDS: Final = 0.05
FLUSH_BYTES: Final = 1 << 20


class Recorder:
    """Gathers predictions by client; twenty times a second they become lines and go to the sink."""

    def __init__(self, sink: Sink, policy_of: Callable[[str], LogPolicy]) -> None:
        self.sink = sink
        self._policy_of = policy_of
        self._waiting: dict[str, list[Prediction]] = {}
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, prediction: Prediction) -> None:
        """Record `prediction` soon, as its client's policy says."""
        client = prediction.ask.client
        waiting = self._waiting.get(client)
        if waiting is None:
            self._waiting[client] = [prediction]
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        else:
            waiting.append(prediction)
        self._size += len(prediction.answer) + len(prediction.ask.body)
        if self._size > FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand everything to the sink now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        groups, self._waiting, self._size = self._waiting, {}, 0
        for client, waiting in groups.items():
            policy, timestamp = self._policy_of(client), clock.unix_seconds()
            lines = [line_of(each, policy, timestamp) for each in waiting if policy.keeps(each.ask.puid)]
            if lines:
                self.sink.append_nowait(PREDICTIONS, client, lines)
