"""A writer's folder: all or nothing, whatever the disk does."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from events.errors import SpoolFailedError, SpoolFullError
from events.shipping.writers import list_writers
from events.sinks.segments import SegmentWriter, SpoolLimits
from tests.events.doubles import FailingDisk, FullDisk, open_writer


def contents(root: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(root.glob("*/*.segment"))]


def test_a_write_that_does_not_fit_leaves_nothing_and_later_ones_succeed(tmp_path: Path) -> None:
    disk = FullDisk(room=10)
    writer = open_writer(tmp_path, files=disk)
    writer.write(b"first!")
    with pytest.raises(SpoolFullError):
        writer.write(b"too long")
    assert contents(tmp_path) == [b"first!"]
    disk.room = 100
    writer.write(b"again")
    assert contents(tmp_path) == [b"first!again"]
    writer.close()


def test_a_short_write_is_completed(tmp_path: Path) -> None:
    class ShortWrites(FullDisk):
        def write(self, fd: int, data: bytes | memoryview) -> int:
            return os.write(fd, data[:3])

    writer = open_writer(tmp_path, files=ShortWrites(0))
    writer.write(b"in four pieces")
    assert contents(tmp_path) == [b"in four pieces"]
    writer.close()


def test_after_a_disk_error_a_new_segment_begins(tmp_path: Path) -> None:
    disk = FailingDisk()
    writer = open_writer(tmp_path, files=disk)
    writer.write(b"kept")
    disk.error = OSError(errno.EIO, "Input/output error")
    with pytest.raises(SpoolFailedError, match="cannot be written"):
        writer.write(b"lost and told")
    disk.error = None
    writer.write(b"new")
    assert contents(tmp_path) == [b"kept", b"new"]
    writer.close()


def test_what_cannot_be_cut_off_is_left_behind_in_an_old_segment(tmp_path: Path) -> None:
    disk = FailingDisk()
    writer = open_writer(tmp_path, files=disk)
    disk.error, disk.cannot_cut = OSError(errno.ENOSPC, "No space left on device"), True
    with pytest.raises(SpoolFullError):
        writer.write(b"abcdef")
    disk.error = None
    writer.write(b"new")
    assert contents(tmp_path) == [b"abc", b"new"]
    writer.close()


def test_a_new_segment_begins_beyond_the_limit(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, segment_bytes=10)
    for data in (b"123456", b"789", b"abc", b"a record larger than a segment", b"x"):
        writer.write(data)
    assert contents(tmp_path) == [b"123456789", b"abc", b"a record larger than a segment", b"x"]
    writer.close()


def test_a_restarted_writer_never_touches_what_its_forerunner_wrote(tmp_path: Path) -> None:
    for data in (b"one", b"two"):
        writer = open_writer(tmp_path)
        writer.write(data)
        writer.close()
    assert contents(tmp_path) == [b"one", b"two"]


def test_a_writer_lives_while_it_is_open(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    writer.set_floor(5)
    (alive,), horizon = list_writers(tmp_path)
    assert (alive.is_alive, alive.floor_ns) == (True, 5)
    assert horizon.holds(4, alive.floor_ns)
    writer.close()
    assert not list_writers(tmp_path)[0][0].is_alive


def test_room_is_left_for_the_files_of_the_shipper(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, "w0", synchronous=False, limits=SpoolLimits(reserve_bytes=1 << 60))
    with pytest.raises(SpoolFullError):
        writer.write(b"x")
    writer.close()


def write_until_full(writer: SegmentWriter) -> int:
    for kept in range(1000):
        try:
            writer.write(b"y" * 5000)
        except SpoolFullError:
            return kept
    pytest.fail("the disk never filled up")


def test_a_real_full_disk_refuses_keeps_and_recovers(small_disk: Path) -> None:
    writer = open_writer(small_disk)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (128 << 10))
    kept = write_until_full(writer)
    assert 0 < kept < 60
    assert len(b"".join(contents(small_disk))) == kept * 5000
    ballast.unlink()
    writer.write(b"z" * 5000)
    assert b"".join(contents(small_disk)) == b"y" * 5000 * kept + b"z" * 5000
    writer.close()
