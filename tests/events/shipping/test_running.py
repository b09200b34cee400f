"""The shipper's loop ships when it is due, goes on after trouble and flushes at the end."""

from __future__ import annotations

import errno
import logging
from pathlib import Path
from threading import Event

import pytest

from events.shipping.pacing import Pacing
from events.shipping.retention import Retention
from events.shipping.running import POLL_SECONDS, ShippingLoop
from events.sinks.files import Files
from events.sinks.segments import SegmentWriter
from tests.events.doubles import make_record, open_shipper, open_writer, shipped_lines, write_records


class TiredDisk(Files):
    """Refuses to sync while `is_tired`."""

    is_tired = False

    def sync(self, fd: int) -> None:
        if self.is_tired:
            raise OSError(errno.EIO, "Input/output error")
        super().sync(fd)


def make_loop(data: Path, disk: Files, minimum_seconds: float = 0) -> ShippingLoop:
    pacing = Pacing(minimum_seconds, 60)
    return ShippingLoop(open_shipper(data, disk), pacing, Retention(data / "logs"), Event(), lambda: None)


def test_records_are_shipped_when_they_waited_long_enough(tmp_path: Path) -> None:
    writer, loop = open_writer(tmp_path / "spool"), make_loop(tmp_path, Files(), minimum_seconds=60)
    write_records(writer, make_record(1))
    loop.turn()
    assert shipped_lines(tmp_path) == []
    loop.pacing.minimum_seconds = loop.pacing._delay = 0
    loop.turn()
    assert shipped_lines(tmp_path) == [b"line 1"]
    loop.shipper.close()
    writer.close()


def test_everything_is_flushed_at_the_end(tmp_path: Path) -> None:
    writer, loop = open_writer(tmp_path / "spool"), make_loop(tmp_path, Files(), minimum_seconds=60)
    write_records(writer, make_record(1), make_record(2))
    loop.stopping.set()
    loop.run()
    assert shipped_lines(tmp_path) == [b"line 1", b"line 2"]
    loop.shipper.close()
    writer.close()


class BusyDestination(Files):
    """A writer that appends one more record whenever the shipper has made something durable."""

    def __init__(self, writer: SegmentWriter) -> None:
        self.writer = writer
        self.number = 1

    def sync(self, fd: int) -> None:
        super().sync(fd)
        self.number += 1
        write_records(self.writer, make_record(self.number))


def test_steady_traffic_gets_one_file_a_turn_and_cannot_hold_the_loop(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "spool")
    loop = make_loop(tmp_path, BusyDestination(writer))
    write_records(writer, make_record(1))
    loop.turn()
    assert len(list(tmp_path.glob("logs/**/*.gz"))) == 1
    loop.stopping.set()
    loop.run()
    assert len(list(tmp_path.glob("logs/**/*.gz"))) <= 3
    loop.shipper.close()
    writer.close()


def test_trouble_is_logged_waited_out_longer_each_time_and_got_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk = TiredDisk()
    writer, loop = open_writer(tmp_path / "spool"), make_loop(tmp_path, disk)
    write_records(writer, make_record(1))
    disk.is_tired = True
    with caplog.at_level(logging.ERROR):
        loop.turn()
        loop.turn()
    assert loop._pause == POLL_SECONDS * 4
    assert "stays in the spool" in caplog.text
    disk.is_tired = False
    loop.turn()
    assert loop._pause == POLL_SECONDS
    assert shipped_lines(tmp_path) == [b"line 1"]
    loop.shipper.close()
    writer.close()
