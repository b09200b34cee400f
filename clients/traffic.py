"""From the minutes a process gathered in memory to rows of TrafficMinute, every few seconds."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final, Generic, Protocol, TypeVar

from django.db import DatabaseError, InterfaceError, connection

from clients.models import Client, TrafficMinute
from clients.services import clear_expired_tokens
from common import clock
from common.traffic import REFUSALS_KEPT, Minute, Traffic, add_minute

logger = logging.getLogger(__name__)

S = TypeVar("S")
Key = tuple[str | int, ...]
Step = Callable[[], object]
Rest = Callable[[float], object]

# Few, because the thread that serves requests waits while a statement's rows are made.
_ROWS_A_STATEMENT: Final = 50
# After each statement the thread rests this many times as long as the statement took, so that storing
# the minutes of thousands of clients takes a few percent of the processor and not a third of it.
_REST: Final = 30
# A minute this old gets no more requests; its sums are forgotten once they are stored.
_OPEN_MINUTES: Final = 2
# While the database is away, as many minutes wait for it; the oldest are given up.
_WAITING_ROWS: Final = 50_000
_COLUMNS: Final = (
    "requests",
    "errors",
    "events_accepted",
    "events_rejected",
    "bytes",
    "latency",
    "predictions",
    "variations",
    "refusals",
)
_KEY_COLUMNS: Final = ("client", "minute", "surface", "writer")


def no_rest(seconds: float) -> None:
    """Go on at once."""


class MinuteBook(ABC, Generic[S]):
    """The sums of this process's present minutes, and which of them are not stored yet.

    A row is always written whole by its one writer, so writing it again changes nothing. A subclass says
    what is summed: keys begin with the client's name and end with the minute.
    """

    def __init__(self, writer: int | None = None) -> None:
        self.writer = secrets.randbits(62) if writer is None else writer
        self._sums: dict[Key, S] = {}
        self._unstored: dict[Key, None] = {}
        self._client_ids: dict[str, int] = {}

    @abstractmethod
    def key_of(self, minute: S) -> Key:
        """What tells a row from the others."""

    @abstractmethod
    def join(self, minute: S, held: S) -> None:
        """Add the earlier counts of `held` to `minute`."""

    @abstractmethod
    def put(self, minutes: list[tuple[int, S]]) -> None:
        """Write rows; each comes with the primary key of its client."""

    def add(self, minutes: Iterable[S]) -> None:
        """Add what was gathered since the last time."""
        for minute in minutes:
            key = self.key_of(minute)
            held = self._sums.get(key)
            if held is not None:
                self.join(minute, held)
            self._sums[key] = minute
            self._unstored[key] = None
        self._give_up_oldest()

    def store(self, unix_seconds: int, rest: Rest = no_rest) -> int:
        """Write what is not stored yet; returns how many rows. Raises DatabaseError, losing nothing.

        `rest` is called between two statements with the seconds that the first took.
        """
        stored = 0
        while self._unstored:
            started = clock.perf_counter()
            keys = list(islice(self._unstored, _ROWS_A_STATEMENT))
            stored += self._write(keys)
            for key in keys:
                del self._unstored[key]
            if self._unstored:
                rest(clock.perf_counter() - started)
        self._forget_closed(unix_seconds // 60 - _OPEN_MINUTES)
        return stored

    def _write(self, keys: list[Key]) -> int:
        self._learn_clients({str(key[0]) for key in keys})
        known = [(self._client_ids[str(key[0])], key) for key in keys if key[0] in self._client_ids]
        self.put([(client_id, self._sums[key]) for client_id, key in known])
        return len(known)

    def _learn_clients(self, names: set[str]) -> None:
        unknown = names - self._client_ids.keys()
        if unknown:
            rows = Client.objects.filter(name__in=unknown).order_by()
            self._client_ids.update(rows.values_list("name", "pk"))

    def _forget_closed(self, before: int) -> None:
        for key in [key for key in self._sums if int(key[-1]) < before]:
            del self._sums[key]

    def _give_up_oldest(self) -> None:
        surplus = len(self._unstored) - _WAITING_ROWS
        if surplus <= 0:
            return
        logger.warning("traffic of %d minutes is given up: the database was away for too long", surplus)
        for key in list(self._unstored)[:surplus]:
            del self._unstored[key]
            del self._sums[key]


class TrafficBook(MinuteBook[Minute]):
    """Sums by client, surface and minute."""

    def key_of(self, minute: Minute) -> Key:
        """Client, surface and minute."""
        return minute.client, minute.surface, minute.minute

    def join(self, minute: Minute, held: Minute) -> None:
        """Add the earlier counts."""
        add_minute(minute, held)

    def put(self, minutes: list[tuple[int, Minute]]) -> None:
        """Write rows of TrafficMinute."""
        TrafficMinute.objects.bulk_create(
            [self._row(client_id, sums) for client_id, sums in minutes],
            update_conflicts=True,
            unique_fields=_KEY_COLUMNS,
            update_fields=_COLUMNS,
        )

    def _row(self, client_id: int, sums: Minute) -> TrafficMinute:
        return TrafficMinute(
            client_id=client_id,
            minute=datetime.fromtimestamp(sums.minute * 60, UTC),
            surface=sums.surface,
            writer=self.writer,
            requests=sums.requests,
            errors=sums.errors,
            events_accepted=sums.accepted,
            events_rejected=sums.rejected,
            bytes=sums.bytes_in,
            latency=sums.latency,
            predictions=sums.predictions,
            variations=sums.variations,
            refusals=list(sums.refusals)[-REFUSALS_KEPT:],
        )


class Beside(Protocol):
    """Counts of another kind that are stored at the same time."""

    def gather(self) -> None:
        """Take what was counted since the last time."""

    def store(self, unix_seconds: int, rest: Rest) -> int:
        """Write what is not stored yet; returns how many rows."""

    def prune(self, oldest: datetime) -> int:
        """Delete what is older; returns how many rows."""


def prune_traffic(*, keep_days: int) -> int:
    """Deletes minutes older than `keep_days` days; returns how many rows."""
    oldest = clock.now() - timedelta(days=keep_days)
    return TrafficMinute.objects.for_all_clients().filter(minute__lt=oldest).delete()[0]


class TrafficPart:
    """Stores the traffic of this process in a thread of its own, and clears what is too old now and then."""

    name = "traffic"
    is_vital = False

    def __init__(
        self,
        traffic: Traffic,
        keep_days: int,
        flush_seconds: float = 5,
        clear_seconds: float = 3600,
        beside: Sequence[Beside] = (),
    ) -> None:
        self._traffic = traffic
        self._keep_days = keep_days
        self._flush_seconds = flush_seconds
        self._clear_seconds = clear_seconds
        self._book = TrafficBook()
        self._beside = beside
        self._problem = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    async def start(self) -> None:
        """Begin to store."""
        self._thread.start()

    async def stop(self) -> None:
        """Store what is left."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.join, 10)

    def problem(self) -> str | None:
        """Why traffic is not stored just now; nothing is lost while it waits in memory."""
        return self._problem or None

    def flush(self) -> None:
        """Store what was gathered; what cannot be stored waits for the next time."""
        self._book.add(self._traffic.take())
        for each in self._beside:
            each.gather()
        self._guarded(self._store)

    def clear(self) -> None:
        """Delete traffic and tokens that nobody needs any more."""
        self._guarded(self._prune)
        self._guarded(clear_expired_tokens)

    def _run(self) -> None:
        clear_at = clock.monotonic() + self._clear_seconds
        try:
            while not self._stopping.wait(self._flush_seconds):
                self.flush()
                if clock.monotonic() >= clear_at:
                    clear_at += self._clear_seconds
                    self.clear()
            self.flush()
        finally:
            connection.close()

    def _store(self) -> None:
        self._book.store(clock.unix_seconds(), self._rest)
        for each in self._beside:
            each.store(clock.unix_seconds(), self._rest)

    def _prune(self) -> None:
        prune_traffic(keep_days=self._keep_days)
        for each in self._beside:
            each.prune(clock.now() - timedelta(days=self._keep_days))

    def _rest(self, seconds: float) -> None:
        """Returns at once when the process stops."""
        self._stopping.wait(seconds * _REST)

    def _guarded(self, step: Step) -> None:
        try:
            step()
        except (DatabaseError, InterfaceError) as error:
            connection.close()
            if not self._problem:
                logger.warning("traffic is not stored: %s", error)
            self._problem = f"{type(error).__name__}: {error}".strip()
        else:
            self._problem = ""
