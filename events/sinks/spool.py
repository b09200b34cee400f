"""The durable sink: what arrives together is written together, and answered once it is on the disk."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from asyncio import AbstractEventLoop, Future, TimerHandle
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from time import gmtime, strftime
from typing import Final

from common import clock
from common.errors import UnavailableError
from common.metrics import Counter
from events.sinks.base import NO_ENDS, Sink
from events.sinks.framing import encode_head
from events.sinks.segments import SegmentWriter

logger = logging.getLogger(__name__)

# How often an idle writer tells the shipper that nothing older will come.
BEAT_SECONDS: Final = 0.2
# Beyond this many unwritten bytes, records that nobody waits for are dropped and counted.
NOWAIT_LIMIT_BYTES: Final = 64 << 20
DROPPED: Final = Counter(
    "seldon_spool_dropped_records_total", "Records nobody waited for that could not be kept.", ("stream",)
)


class Group:
    """Records written by one commit, and those who wait for it."""

    __slots__ = ("chunks", "first_ns", "futures", "nowait", "size")

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.futures: list[Future[None]] = []
        self.nowait: list[str] = []
        self.first_ns = 0
        self.size = 0

    def settle(self, error: UnavailableError | None) -> None:
        """Tell everybody who waits how the commit went."""
        if error is not None:
            self._refuse(error)
            return
        for future in self.futures:
            if not future.done():
                future.set_result(None)

    def _refuse(self, error: UnavailableError) -> None:
        for future in self.futures:
            if not future.done():
                future.set_exception(error)
        for stream in self.nowait:
            DROPPED.add((stream,))


class SpoolSink(Sink):
    """Stamps, frames and groups records; a subclass says how a group reaches the disk."""

    def __init__(
        self, writer: SegmentWriter, unix_nanoseconds: Callable[[], int] = clock.unix_nanoseconds
    ) -> None:
        self._writer = writer
        self._unix_nanoseconds = unix_nanoseconds
        self._loop: AbstractEventLoop | None = None
        self._group = Group()
        self._is_writing = False
        self._last_ns = 0
        self._second = -1
        self._prefixes: dict[str, bytes] = {}
        self._names: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        self._beat: TimerHandle | None = None
        self._problem: str | None = None

    async def start(self) -> None:
        """Begin; a full disk does not stop a worker, it makes it answer 503 until there is room."""
        self._loop = asyncio.get_running_loop()
        try:
            self._writer.open()
        except UnavailableError as error:
            self._note(error)
        self._tick()

    async def stop(self) -> None:
        """Write what is waiting and close."""
        while self._group.chunks or self._is_writing:
            self._commit()
            await asyncio.sleep(0)
        if self._beat is not None:
            self._beat.cancel()
        self._writer.close()

    def problem(self) -> str | None:
        return self._problem

    def append(
        self,
        stream: str,
        client: str,
        objects: Sequence[bytes],
        key_hash: bytes = b"",
        ends: tuple[bytes, bytes] = NO_ENDS,
    ) -> Future[None]:
        assert self._loop is not None, "start the sink before use"
        future: Future[None] = self._loop.create_future()
        self._add((stream, client), objects, key_hash, ends)
        self._group.futures.append(future)
        return future

    def append_nowait(self, stream: str, client: str, objects: Sequence[bytes]) -> None:
        if self._group.size > NOWAIT_LIMIT_BYTES:
            DROPPED.add((stream,))
            return
        self._add((stream, client), objects, b"", NO_ENDS)
        self._group.nowait.append(stream)

    def _add(
        self, owner: tuple[str, str], objects: Sequence[bytes], key_hash: bytes, ends: tuple[bytes, bytes]
    ) -> None:
        # Strictly growing, so that a floor separates what is written from what is not.
        unix_ns = self._unix_nanoseconds()
        if unix_ns <= self._last_ns:
            unix_ns = self._last_ns + 1
        self._last_ns = unix_ns
        prefix = self._prefix(owner[0], unix_ns // 1_000_000_000) + ends[0]
        end = ends[1] + b"\n"
        payload = prefix + (end + prefix).join(objects) + end
        names = self._names.get(owner) or self._encode_names(owner)
        group = self._group
        if not group.chunks:
            group.first_ns = unix_ns
            assert self._loop is not None
            self._loop.call_soon(self._commit)
        group.chunks += (encode_head(names, unix_ns, len(objects), payload, key_hash), payload)
        group.size += len(payload)

    def _prefix(self, stream: str, second: int) -> bytes:
        if second != self._second:
            self._second = second
            self._prefixes.clear()
        prefix = self._prefixes.get(stream)
        if prefix is None:
            stamp = strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(second))
            prefix = self._prefixes[stream] = f"{stamp}\t{stream}\t".encode()
        return prefix

    def _encode_names(self, owner: tuple[str, str]) -> tuple[bytes, bytes]:
        if len(self._names) > 65_536:
            self._names.clear()
        names = self._names[owner] = owner[0].encode(), owner[1].encode()
        return names

    def _take(self) -> Group:
        group, self._group = self._group, Group()
        return group

    @abstractmethod
    def _commit(self) -> None:
        """Bring the waiting group to the disk, or see to it that this will happen."""

    def _write(self, group: Group) -> UnavailableError | None:
        try:
            self._writer.write(b"".join(group.chunks))
        except UnavailableError as error:
            return error
        return None

    def _finish(self, group: Group, error: UnavailableError | None) -> None:
        group.settle(error)
        self._note(error)
        self._set_floor()

    def _set_floor(self) -> None:
        waiting = self._group
        self._writer.set_floor(waiting.first_ns if waiting.chunks else self._last_ns + 1)

    def _probe(self) -> None:
        """See whether the trouble is over: to a worker that calls itself unready nobody may send anything."""
        try:
            self._writer.probe()
        except UnavailableError as error:
            self._note(error)
        else:
            self._note(None)

    def _note(self, error: UnavailableError | None) -> None:
        problem = error.message if error else None
        if problem != self._problem:
            logger.log(logging.ERROR if problem else logging.INFO, "spool: %s", problem or "writes again")
            self._problem = problem

    def _tick(self) -> None:
        if self._problem and not self._is_writing:
            self._probe()
        if not self._is_writing:
            if not self._group.chunks:
                self._last_ns = max(self._unix_nanoseconds(), self._last_ns)
            self._set_floor()
        assert self._loop is not None
        self._beat = self._loop.call_later(BEAT_SECONDS, self._tick)


class OsSpoolSink(SpoolSink):
    """One write() a turn of the loop: survives the death of every process, not of the machine."""

    def _commit(self) -> None:
        if self._group.chunks:
            group = self._take()
            self._finish(group, self._write(group))


class FsyncSpoolSink(SpoolSink):
    """A writer thread makes each group durable; what arrives meanwhile is the next group."""

    def __init__(
        self, writer: SegmentWriter, unix_nanoseconds: Callable[[], int] = clock.unix_nanoseconds
    ) -> None:
        super().__init__(writer, unix_nanoseconds)
        self._queue: SimpleQueue[Group | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="spool-writer", daemon=True)

    async def start(self) -> None:
        await super().start()
        self._thread.start()

    async def stop(self) -> None:
        await super().stop()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _commit(self) -> None:
        if self._is_writing or not self._group.chunks:
            return
        self._is_writing = True
        self._queue.put(self._take())

    def _run(self) -> None:
        assert self._loop is not None
        while (group := self._queue.get()) is not None:
            self._loop.call_soon_threadsafe(self._finish, group, self._write(group))

    def _finish(self, group: Group, error: UnavailableError | None) -> None:
        self._is_writing = False
        super()._finish(group, error)
        self._commit()
