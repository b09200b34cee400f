"""Quota counts of several machines: each tells the others what it counted, and hears what they did.

One process per machine does it. A message holds a machine's own sums, never differences, so telling it
twice changes nothing, and a board that lost everything is whole again after one turn. What is heard
becomes one more column of the mapped file. When nobody tells anything any more that column grows
old by itself: of a second after two of them, of a day at midnight. So nothing on a request's way knows
whether there are other machines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from struct import Struct
from typing import Final, Protocol

from clients.quota_map import DAY
from clients.quota_totals import QuotaTotals, Total
from common import clock

_NS: Final = 1_000_000_000
_DAY_SECONDS: Final = 86_400
# A rate looks at the present second and the one before.
_SECONDS_TOLD: Final = 2
# With nothing to tell there is less to hear.
_IDLE_NS: Final = _NS // 4
_DAYS_EVERY_SECONDS: Final = 5
_GONE_SECONDS: Final = 60
_HEAD: Final = Struct("<Q")
_ROW: Final = Struct("<IBIQ")


class Board(Protocol):
    """Where each machine leaves one message for the others."""

    def post(self, message: bytes) -> dict[str, bytes]:
        """Replaces this machine's message; those of all machines as they were just before."""

    def remove(self, machine: str) -> None:
        """Takes off what `machine` left."""


class QuotaExchange:
    """Tells what `totals` holds of the last seconds on one board, and of the whole day on another."""

    def __init__(
        self,
        totals: QuotaTotals,
        boards: tuple[Board, Board],
        machine: str,
        unix_nanoseconds: Callable[[], int] = clock.unix_nanoseconds,
    ) -> None:
        self._totals = totals
        self._recent, self._days = boards
        self._machine = machine
        self._now = unix_nanoseconds
        # By client, what was counted lately and in which second it was looked at.
        self._lately: dict[int, tuple[int, list[Total]]] = {}
        self._told_ns = 0
        self._told_days_at = 0
        self._day = 0
        self._events: defaultdict[int, dict[str, int]] = defaultdict(dict)

    def turn(self) -> None:
        """Tell and hear once; raises what a board raises, and catches up at the next turn."""
        now = self._now()
        second = now // _NS
        self._begin_day(second // _DAY_SECONDS)
        self._gather(second)
        if self._lately or now - self._told_ns >= _IDLE_NS:
            rows = (total for _, found in self._lately.values() for total in found)
            self._hear(self._recent, encode(second, rows), second)
            self._told_ns = now
        if second - self._told_days_at >= _DAYS_EVERY_SECONDS:
            self._hear(self._days, encode(second, self._totals.of_day(self._day)), second)
            self._told_days_at = second

    def _begin_day(self, day: int) -> None:
        if day != self._day:
            self._day = day
            self._events.clear()

    def _gather(self, second: int) -> None:
        for client_id in self._totals.take_marked():
            self._lately[client_id] = (second, list(self._totals.of_clients([client_id])))
        old = [key for key, (seen, _) in self._lately.items() if seen < second - _SECONDS_TOLD]
        for client_id in old:
            del self._lately[client_id]

    def _hear(self, board: Board, message: bytes, second: int) -> None:
        messages = board.post(message)
        messages.pop(self._machine, None)
        keep_seconds = _GONE_SECONDS if board is self._recent else _DAY_SECONDS
        for machine in [name for name, text in messages.items() if told_at(text) < second - keep_seconds]:
            board.remove(machine)
            del messages[machine]
        for total in self._sums(messages):
            self._totals.put_elsewhere(total)

    def _sums(self, messages: Mapping[str, bytes]) -> Iterator[Total]:
        """What the other machines together counted: events of this day, requests of the newest second."""
        newest: dict[tuple[int, int], tuple[int, int]] = {}
        for machine, message in messages.items():
            for client_id, index, time, count in decode(message):
                if index == DAY:
                    if time == self._day:
                        yield self._events_elsewhere(client_id, machine, count)
                    continue
                known, sum_so_far = newest.get((client_id, index), (0, 0))
                if time >= known:
                    newest[client_id, index] = (time, count + (sum_so_far if time == known else 0))
        for (client_id, index), (time, count) in newest.items():
            yield Total(client_id, index, time, count)

    def _events_elsewhere(self, client_id: int, machine: str, count: int) -> Total:
        by_machine = self._events[client_id]
        # The two boards may tell of different moments; events of a day only become more.
        by_machine[machine] = max(count, by_machine.get(machine, 0))
        return Total(client_id, DAY, self._day, sum(by_machine.values()))


def encode(second: int, totals: Iterable[Total]) -> bytes:
    """A message of `second`."""
    return _HEAD.pack(second) + b"".join(_ROW.pack(*total) for total in totals)


def decode(message: bytes) -> Iterator[Total]:
    """The counts in a message."""
    return map(Total._make, _ROW.iter_unpack(message[_HEAD.size :]))


def told_at(message: bytes) -> int:
    """In which second, by its machine's clock, a message was written."""
    return int(_HEAD.unpack_from(message)[0])
