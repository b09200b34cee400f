"""The shipper moves every record once and in order, wherever it dies."""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path

import pytest

from common import clock
from common.errors import ConflictError
from events.shipping.ledger import DAY_NS
from events.shipping.shipper import Shipper
from events.sinks.files import Files
from events.sinks.framing import Record
from tests.events.doubles import (
    MOMENT_NS,
    DyingDisk,
    PowerCutError,
    encode_record,
    make_record,
    open_shipper,
    open_writer,
    shipped_lines,
    write_records,
)


def lines(*numbers: int) -> list[bytes]:
    return [b"line %d" % number for number in numbers]


def ship_all(shipper: Shipper) -> None:
    while shipper.ship():
        pass
    shipper.close()


def test_records_of_several_writers_come_out_in_time_order(tmp_path: Path) -> None:
    first, second = open_writer(tmp_path / "spool", "w0"), open_writer(tmp_path / "spool", "w1")
    write_records(first, *[make_record(n) for n in (1, 4, 5)])
    write_records(second, *[make_record(n) for n in (2, 3, 6)])
    first.close()
    second.close()
    ship_all(open_shipper(tmp_path))
    assert shipped_lines(tmp_path) == lines(1, 2, 3, 4, 5, 6)


def test_the_file_lies_where_seldon_server_put_it(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "spool")
    streams = ("events.live", "actions.live", "predict.live", "restapi.ctr", "restapi.calls")
    write_records(writer, *[make_record(n, stream=stream) for n, stream in enumerate(streams)])
    writer.close()
    ship_all(open_shipper(tmp_path))
    assert sorted(str(path.relative_to(tmp_path / "logs")) for path in tmp_path.glob("logs/*.*/**/*.gz")) == [
        "actions.2026/01/02/03/20260102-03_0.log.gz",
        "events.2026/01/02/03/20260102-03_0.log.gz",
        "predictions.2026/01/02/03/20260102-03_0.log.gz",
        "stats.2026/01/02/03/20260102-03_imps_0.log.gz",
        "stats.2026/01/02/03/20260102-03_misc_0.log.gz",
    ]


def test_each_hour_gets_its_own_files_numbered_from_zero(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "spool")
    hour = 3600 * 1_000_000_000
    write_records(writer, make_record(1), make_record(1 + hour))
    ship_all(open_shipper(tmp_path))
    write_records(writer, make_record(2 + hour))
    ship_all(open_shipper(tmp_path))
    writer.close()
    names = sorted(path.name for path in tmp_path.glob("logs/events.*/**/*.gz"))
    assert names == ["20260102-03_0.log.gz", "20260102-04_0.log.gz", "20260102-04_1.log.gz"]


def test_a_live_writer_that_may_still_add_older_records_holds_back_newer_ones(tmp_path: Path) -> None:
    slow, quick = open_writer(tmp_path / "spool", "w0"), open_writer(tmp_path / "spool", "w1")
    shipper = open_shipper(tmp_path)
    now = clock.unix_nanoseconds() - 1_000_000
    write_records(quick, Record("events.live", "acme", now, 1, b"", b"newer\n"))
    slow.set_floor(now - 1000)
    assert shipper.ship() == 0
    slow.write(encode_record(Record("events.live", "acme", now - 500, 1, b"", b"older\n")))
    slow.set_floor(now + 1)
    assert shipper.ship() == 2
    assert shipped_lines(tmp_path) == [b"older", b"newer"]
    for part in (shipper, slow, quick):
        part.close()


def test_an_unacknowledged_record_of_a_live_writer_waits(tmp_path: Path) -> None:
    writer, shipper = open_writer(tmp_path / "spool"), open_shipper(tmp_path)
    write_records(writer, make_record(1))
    writer.write(encode_record(make_record(2)))
    assert shipper.ship() == 1
    assert shipper.waiting_bytes() == len(encode_record(make_record(2)))
    writer.set_floor(MOMENT_NS + 3)
    assert shipper.ship() == 1
    assert shipped_lines(tmp_path) == lines(1, 2)
    writer.close()
    shipper.close()


def test_a_key_counts_once_in_one_round_over_rounds_and_over_restarts(tmp_path: Path) -> None:
    writer, key = open_writer(tmp_path / "spool"), b"k" * 16
    write_records(writer, make_record(1, key_hash=key), make_record(2, key_hash=key))
    ship_all(open_shipper(tmp_path))
    write_records(writer, make_record(3, key_hash=key), make_record(4, key_hash=b"o" * 16))
    ship_all(open_shipper(tmp_path))
    assert shipped_lines(tmp_path) == lines(1, 4)
    writer.close()


def test_a_key_may_be_used_anew_after_a_day(tmp_path: Path) -> None:
    writer, key = open_writer(tmp_path / "spool"), b"k" * 16
    write_records(writer, make_record(1, key_hash=key), make_record(1 + DAY_NS, key_hash=key))
    writer.close()
    ship_all(open_shipper(tmp_path))
    assert shipped_lines(tmp_path) == [b"line 1", b"line %d" % (1 + DAY_NS)]


def test_shipped_segments_and_dead_writers_are_deleted(tmp_path: Path) -> None:
    dead = open_writer(tmp_path / "spool", "w0")
    alive = open_writer(tmp_path / "spool", "w1", segment_bytes=50)
    write_records(dead, make_record(1))
    write_records(alive, make_record(2), make_record(3))
    dead.close()
    shipper = open_shipper(tmp_path)
    assert shipper.ship() == 3
    left = [path.name for path in tmp_path.glob("spool/w*/*.segment")]
    assert left == ["00000002.segment"]
    assert shipper.waiting_bytes() == 0
    shipper.close()
    alive.close()


def test_a_torn_tail_is_left_out_and_the_dead_writer_forgotten(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "spool")
    write_records(writer, make_record(1))
    writer.write(encode_record(make_record(2))[:-1])
    writer.close()
    ship_all(open_shipper(tmp_path))
    assert shipped_lines(tmp_path) == lines(1)
    assert not list(tmp_path.glob("spool/w*"))


def test_a_damaged_middle_is_kept_aside_and_what_follows_is_shipped(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "spool")
    damaged = bytearray(encode_record(make_record(2)))
    damaged[-2] ^= 1
    write_records(writer, make_record(1))
    writer.write(bytes(damaged))
    write_records(writer, make_record(3))
    shipper = open_shipper(tmp_path)
    assert shipper.ship() == 2
    assert shipped_lines(tmp_path) == lines(1, 3)
    (kept,) = tmp_path.glob("spool/.quarantine/*.bytes")
    assert kept.read_bytes() == damaged
    shipper.close()
    writer.close()


def test_a_second_shipper_is_refused(tmp_path: Path) -> None:
    shipper = open_shipper(tmp_path)
    with pytest.raises(ConflictError, match="Another shipper"):
        open_shipper(tmp_path)
    shipper.close()


def fill_spool(root: Path, round_number: int) -> None:
    """Two writers, several segments, a torn tail, a repeated key."""
    base = round_number * 100
    for slot in range(2):
        writer = open_writer(root, f"w{slot}", segment_bytes=150)
        numbers = range(base + slot, base + 12, 2)
        write_records(writer, *[make_record(n, key_hash=bytes([n]) * 16 if n % 3 else b"") for n in numbers])
        write_records(writer, make_record(base + 50 + slot, key_hash=bytes([1]) * 16))
        writer.write(encode_record(make_record(base + 60))[:20])
        writer.close()


def test_every_record_is_shipped_once_wherever_the_shipper_dies(tmp_path: Path) -> None:
    dry_run = DyingDisk()
    fill_spool(tmp_path / "dry" / "spool", 0)
    ship_all(open_shipper(tmp_path / "dry", dry_run, round_bytes=20))
    wanted = shipped_lines(tmp_path / "dry")
    assert wanted == lines(*range(12))
    assert dry_run.calls > 30
    for fatal in range(1, dry_run.calls + 1):
        data = tmp_path / str(fatal)
        fill_spool(data / "spool", 0)
        die_at(data, fatal)
        ship_all(open_shipper(data, round_bytes=20))
        assert shipped_lines(data) == wanted, f"died at call {fatal}"
        assert not list(data.glob("logs/.shipping/*"))
        assert not list(data.glob("spool/w*"))


def die_at(data: Path, fatal: int) -> None:
    shipper = open_shipper_or_die(data, DyingDisk(fatal))
    if shipper is None:
        return
    with contextlib.suppress(PowerCutError):
        while shipper.ship():
            pass
        pytest.fail("it should have died")
    shipper.close()


def open_shipper_or_die(data: Path, disk: DyingDisk) -> Shipper | None:
    try:
        return open_shipper(data, disk, round_bytes=20)
    except PowerCutError:
        return None


def test_a_full_disk_stops_shipping_and_loses_nothing(tmp_path: Path) -> None:
    class FullForFiles(Files):
        is_full = True

        def write(self, fd: int, data: bytes | memoryview) -> int:
            if self.is_full:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(fd, data)

    writer, disk = open_writer(tmp_path / "spool"), FullForFiles()
    write_records(writer, make_record(1), make_record(2))
    writer.close()
    shipper = open_shipper(tmp_path, disk)
    with pytest.raises(OSError, match="No space"):
        shipper.ship()
    assert not list(tmp_path.glob("logs/.shipping/*"))
    disk.is_full = False
    ship_all(shipper)
    assert shipped_lines(tmp_path) == lines(1, 2)
