"""The access lines `restapi.calls`: one for each call of a known client, written in groups."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote_plus

import orjson

from common import clock
from events.sinks.base import CALLS, Sink
from lane.request import Request

# A group is written when it has so many lines, or its first line is so old: the loop is never held for long.
GROUP_LINES: Final = 64
GROUP_SECONDS: Final = 0.25
_MOST_CHARACTERS: Final = 2048
_SECRET: Final = frozenset({"oauth_token", "access_token", "token", "consumer_secret", "password"})
_MASK: Final = "***"

# (Unix seconds, retval, status, client, method, host, path, query, seconds, request id)
_Call = tuple[int, int, int, str, str, bytes, str, bytes, float, str]


class CallLog:
    """A part of a worker; `note` is told of every answer of the lane.

    Nobody waits for these lines: what cannot be kept is dropped and counted, and no call is worse for it.
    Callers that nobody knows leave no lines, or anybody could fill the disk.
    """

    name = "calls"
    is_vital = False

    def __init__(self, sink: Sink, sample: float, chance: Callable[[], float] = random.random) -> None:
        self._sink = sink
        self._sample = sample
        self._chance = chance
        self._calls: list[_Call] = []
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Nothing to open; the sink was started before."""

    async def stop(self) -> None:
        """Hand over what is left; the sink is stopped after."""
        self._write()

    def problem(self) -> str | None:
        """None: the sink tells of its own problems."""
        return None

    def note(self, request: Request, status: int, seconds: float) -> None:
        """Keep a line of the call that was just answered, if the sample wants it."""
        client = request.client
        if not client or (self._sample < 1 and self._chance() >= self._sample):
            return
        scope = request.scope
        self._calls.append(
            (
                clock.unix_seconds(),
                request.error_id or (status if status >= 400 else 0),
                status,
                client,
                scope["method"],
                request.headers.get(b"host", b""),
                scope["path"],
                scope["query_string"],
                seconds,
                request.request_id,
            )
        )
        if len(self._calls) >= GROUP_LINES:
            self._write()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GROUP_SECONDS, self._write)

    def _write(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        calls, self._calls = self._calls, []
        lines: dict[str, list[bytes]] = {}
        for call in calls:
            lines.setdefault(call[3], []).append(_line(call))
        for client, found in lines.items():
            self._sink.append_nowait(CALLS, client, found)


def _line(call: _Call) -> bytes:
    """The fields of Seldon Server's collector, and the status beside the old number."""
    at, retval, status, client, method, host, path, query, seconds, request_id = call
    return orjson.dumps(
        {
            "time": at,
            "retval": retval,
            "consumer": client,
            "httpmethod": method,
            "servlet": host[:255].decode("latin-1"),
            "path": path if len(path) <= _MOST_CHARACTERS else path[:_MOST_CHARACTERS],
            "query": mask_secrets(query) if query else None,
            "exectime": round(seconds * 1e3, 3),
            "uuid": request_id,
            "status": status,
        }
    )


def mask_secrets(query: bytes) -> str:
    """`query` as it was sent, cut to a bearable length, without the values of tokens and secrets."""
    text = query.decode("latin-1")
    pairs = [
        f"{name}={_MASK}" if separator and unquote_plus(name) in _SECRET else pair
        for pair in text.split("&")
        for name, separator, _ in [pair.partition("=")]
    ]
    return "&".join(pairs)[:_MOST_CHARACTERS]
