"""A moment of a spool: what is not shipped, and a ledger that fits it."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

from common import clock
from events.shipping.base import Rename
from events.shipping.freezing import settling, take_moment
from events.shipping.hourly import HourlyFiles
from events.shipping.ledger import LEDGER_NAME, SHIPPER_FOLDER, Ledger
from events.shipping.shipper import Shipper
from events.sinks.framing import encode_head
from events.sinks.segments import SegmentWriter


def spool(data: Path, line: bytes) -> None:
    writer = SegmentWriter(data / "spool", "worker", synchronous=False)
    writer.write(encode_head((b"events.live", b"acme"), clock.unix_nanoseconds() - 10**9, 1, line) + line)
    writer.close()


def test_spool_that_never_was_is_an_empty_moment(tmp_path: Path) -> None:
    moment = take_moment(tmp_path / "spool", tmp_path / "logs", tmp_path / "copy")
    assert (moment.segments, moment.has_ledger, moment.hourly) == ([], False, [])


def test_segment_of_the_moment_is_kept_although_it_is_shipped_meanwhile(tmp_path: Path) -> None:
    spool(tmp_path, b"a line\n")
    moment = take_moment(tmp_path / "spool", tmp_path / "logs", tmp_path / "copy")
    shipper = Shipper(tmp_path / "spool", HourlyFiles(tmp_path / "logs"))
    assert shipper.ship() == 1
    shipper.close()
    [segment] = moment.segments
    assert not (tmp_path / "spool" / segment.name).exists()
    assert os.pread(segment.descriptor, segment.size, 0).endswith(b"a line\n")
    assert moment.hourly == []
    moment.close()


def test_shipper_ships_nothing_while_a_moment_is_taken(tmp_path: Path) -> None:
    def ship() -> None:
        shipper = Shipper(tmp_path / "spool", HourlyFiles(tmp_path / "logs"))
        shipper.ship()
        shipper.close()

    spool(tmp_path, b"a line\n")
    (tmp_path / "spool" / SHIPPER_FOLDER).mkdir()
    shipping = threading.Thread(target=ship)
    with settling(tmp_path / "spool"):
        shipping.start()
        shipping.join(0.2)
        assert shipping.is_alive()
        assert list((tmp_path / "logs").glob("events.*")) == []
    shipping.join(20)
    assert len(list((tmp_path / "logs").glob("events.*/*/*/*/*.gz"))) == 1


def test_names_that_are_not_given_yet_are_told_and_not_in_the_copy(tmp_path: Path) -> None:
    (tmp_path / "spool" / SHIPPER_FOLDER).mkdir(parents=True)
    ledger = Ledger(tmp_path / "spool" / SHIPPER_FOLDER / LEDGER_NAME)
    rename = Rename(tmp_path / "logs" / ".shipping" / "0.gz", tmp_path / "logs" / "x.gz")
    ledger.commit({}, {b"key": 7}, [rename], 8)
    ledger.close()
    moment = take_moment(tmp_path / "spool", tmp_path / "logs", tmp_path / "copy")
    assert moment.pending == [rename]
    copy = sqlite3.connect(tmp_path / "copy")
    assert copy.execute("SELECT count(*) FROM rename").fetchone() == (0,)
    assert copy.execute("SELECT key_hash FROM seen").fetchall() == [(b"key",)]
    copy.close()
