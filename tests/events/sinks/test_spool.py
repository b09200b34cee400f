"""Group commit: what arrives together is written together, and a full disk is told, counted and got over."""

from __future__ import annotations

import asyncio
import errno
import threading
from pathlib import Path

import pytest

from events.errors import SpoolFullError
from events.shipping.writers import list_writers
from events.sinks.base import EVENTS, PREDICTIONS
from events.sinks.files import Files
from events.sinks.segments import SegmentWriter, SpoolLimits
from events.sinks.spool import DROPPED, FsyncSpoolSink, OsSpoolSink
from tests.events.doubles import FailingDisk

NO_RESERVE = SpoolLimits(reserve_bytes=0)


class CountingDisk(Files):
    """Counts writes and holds them back while `gate` is closed."""

    def __init__(self) -> None:
        self.writes = 0
        self.gate = threading.Event()
        self.gate.set()

    def write(self, fd: int, data: bytes | memoryview) -> int:
        self.gate.wait(60)
        self.writes += 1
        return super().write(fd, data)


def make_writer(root: Path, files: Files, slot: str = "w0") -> SegmentWriter:
    return SegmentWriter(root, slot, synchronous=False, limits=NO_RESERVE, files=files)


async def test_what_arrives_in_one_turn_is_one_write(tmp_path: Path) -> None:
    disk = CountingDisk()
    sink = OsSpoolSink(make_writer(tmp_path, disk))
    await sink.start()
    await asyncio.gather(*[sink.append(EVENTS, "acme", (b"{}",)) for _ in range(50)])
    assert disk.writes == 1
    await sink.stop()


async def test_what_arrives_during_a_commit_shares_the_next(tmp_path: Path) -> None:
    disk = CountingDisk()
    sink = FsyncSpoolSink(make_writer(tmp_path, disk))
    await sink.start()
    disk.gate.clear()
    first = sink.append(EVENTS, "acme", (b"1",))
    await asyncio.sleep(0)
    later = [sink.append(EVENTS, "acme", (b"2",)) for _ in range(20)]
    await asyncio.sleep(0)
    assert not first.done()
    disk.gate.set()
    await asyncio.gather(first, *later)
    assert disk.writes == 2
    await sink.stop()


async def test_writers_do_not_wait_for_each_other(tmp_path: Path) -> None:
    stuck = CountingDisk()
    slow, quick = (
        FsyncSpoolSink(make_writer(tmp_path, stuck)),
        FsyncSpoolSink(make_writer(tmp_path, Files(), "w1")),
    )
    await slow.start()
    await quick.start()
    stuck.gate.clear()
    waiting = slow.append(EVENTS, "acme", (b"1",))
    for _ in range(20):
        await quick.append(EVENTS, "acme", (b"2",))
    assert not waiting.done()
    stuck.gate.set()
    await waiting
    await slow.stop()
    await quick.stop()


@pytest.mark.parametrize("kind", [OsSpoolSink, FsyncSpoolSink])
async def test_a_full_disk_is_told_counted_and_got_over(
    tmp_path: Path, kind: type[OsSpoolSink] | type[FsyncSpoolSink]
) -> None:
    disk = FailingDisk()
    sink = kind(make_writer(tmp_path, disk))
    await sink.start()
    await sink.append(EVENTS, "acme", (b"kept",))
    disk.error = OSError(errno.ENOSPC, "No space left on device")
    dropped = DROPPED.values.get((PREDICTIONS,), 0)
    sink.append_nowait(PREDICTIONS, "acme", (b"{}",))
    with pytest.raises(SpoolFullError):
        await sink.append(EVENTS, "acme", (b"refused",))
    assert sink.problem()
    assert DROPPED.values[PREDICTIONS,] == dropped + 1
    disk.error = None
    await sink.append(EVENTS, "acme", (b"again",))
    assert sink.problem() is None
    await sink.stop()
    (segment,) = tmp_path.glob("*/*.segment")
    assert b"refused" not in segment.read_bytes()
    assert b"\tkept\n" in segment.read_bytes()
    assert b"\tagain\n" in segment.read_bytes()


async def test_the_floor_stays_below_what_is_not_written(tmp_path: Path) -> None:
    disk = CountingDisk()
    moment = iter(range(1000, 10_000, 1000))
    sink = FsyncSpoolSink(make_writer(tmp_path, disk), lambda: next(moment))
    await sink.start()
    await sink.append(EVENTS, "acme", (b"1",))
    written = list_writers(tmp_path)[0][0].floor_ns
    disk.gate.clear()
    pending = sink.append(EVENTS, "acme", (b"2",))
    sink.append_nowait(EVENTS, "acme", (b"3",))
    await asyncio.sleep(0)
    assert list_writers(tmp_path)[0][0].floor_ns == written
    disk.gate.set()
    await pending
    assert list_writers(tmp_path)[0][0].floor_ns > written
    await sink.stop()


async def test_times_grow_although_the_clock_goes_back(tmp_path: Path) -> None:
    moment = iter([5000, 4000, 3000, 2000])
    sink = OsSpoolSink(make_writer(tmp_path, Files()), lambda: next(moment))
    await sink.start()
    await sink.append(EVENTS, "acme", (b"1",))
    await sink.append(EVENTS, "acme", (b"2",))
    assert list_writers(tmp_path)[0][0].floor_ns == 5000 + 3
    await sink.stop()


async def test_a_worker_starts_on_a_full_disk_and_writes_when_there_is_room(tmp_path: Path) -> None:
    class NoFolders(Files):
        is_full = True

        def rename(self, source: Path, target: Path) -> None:
            if self.is_full:
                raise OSError(errno.ENOSPC, "No space left on device")
            super().rename(source, target)

    disk = NoFolders()
    sink = OsSpoolSink(make_writer(tmp_path, disk))
    await sink.start()
    assert sink.problem()
    with pytest.raises(SpoolFullError):
        await sink.append(EVENTS, "acme", (b"1",))
    disk.is_full = False
    await sink.append(EVENTS, "acme", (b"2",))
    assert sink.problem() is None
    await sink.stop()


async def test_a_spool_finds_out_by_itself_that_there_is_room_again(tmp_path: Path) -> None:
    class ShortOfRoom(Files):
        free = 0

        def free_bytes(self, path: Path) -> int:
            return self.free

    disk = ShortOfRoom()
    sink = OsSpoolSink(SegmentWriter(tmp_path, "w0", synchronous=False, limits=SpoolLimits(), files=disk))
    await sink.start()
    with pytest.raises(SpoolFullError):
        await sink.append(EVENTS, "acme", (b"1",))
    sink._probe()
    assert sink.problem()
    disk.free = 1 << 40
    sink._probe()
    assert sink.problem() is None
    await sink.stop()
