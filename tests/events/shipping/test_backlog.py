"""What waits is counted, dated, and bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from events.errors import SpoolBacklogError
from events.shipping import backlog
from events.shipping.backlog import BacklogLimit, spool_oldest_ns
from events.sinks.base import EVENTS
from events.sinks.segments import SegmentWriter, SpoolLimits
from events.sinks.spool import OsSpoolSink
from tests.events.doubles import (
    MOMENT_NS,
    encode_record,
    make_record,
    open_shipper,
    open_writer,
    write_records,
)

SIZE = len(encode_record(make_record(1)))


@pytest.fixture(autouse=True)
def _counts_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "_COUNT_SECONDS", 0)


def test_the_oldest_record_is_that_of_all_writers_which_is_not_shipped(tmp_path: Path) -> None:
    assert spool_oldest_ns(tmp_path / "spool") is None
    first, second = open_writer(tmp_path / "spool", "w0"), open_writer(tmp_path / "spool", "w1")
    write_records(first, make_record(5), make_record(7))
    write_records(second, make_record(6))
    assert spool_oldest_ns(tmp_path / "spool") == MOMENT_NS + 5
    shipper = open_shipper(tmp_path, round_bytes=1)
    shipper.ship()
    assert spool_oldest_ns(tmp_path / "spool") == MOMENT_NS + 6
    while shipper.ship():
        pass
    assert spool_oldest_ns(tmp_path / "spool") is None
    for part in (first, second, shipper):
        part.close()


def test_beyond_the_limit_records_of_every_writer_are_refused_until_some_are_shipped(tmp_path: Path) -> None:
    limit = BacklogLimit(tmp_path / "spool", 3 * SIZE)
    first, second = open_writer(tmp_path / "spool", "w0"), open_writer(tmp_path / "spool", "w1")
    write_records(first, make_record(1), make_record(2))
    write_records(second, make_record(3))
    with pytest.raises(SpoolBacklogError):
        limit.check(SIZE)
    shipper = open_shipper(tmp_path, round_bytes=1)
    shipper.ship()
    shipper.ship()
    limit.check(SIZE)
    with pytest.raises(SpoolBacklogError):
        limit.check(3 * SIZE)
    for part in (first, second, shipper):
        part.close()


def test_once_refused_records_are_taken_again_only_when_there_is_some_room(tmp_path: Path) -> None:
    limit, writer = BacklogLimit(tmp_path / "spool", 3 * SIZE), open_writer(tmp_path / "spool")
    write_records(writer, make_record(1), make_record(2), make_record(3))
    limit.check(0)
    for size in (1, 0):
        with pytest.raises(SpoolBacklogError):
            limit.check(size)
    shipper = open_shipper(tmp_path, round_bytes=1)
    shipper.ship()
    limit.check(0)
    shipper.close()
    writer.close()


def test_what_is_written_between_two_counts_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "_COUNT_SECONDS", 3600)
    limit = BacklogLimit(tmp_path, 100)
    limit.check(60)
    with pytest.raises(SpoolBacklogError):
        limit.check(60)


def test_without_a_limit_nothing_is_refused(tmp_path: Path) -> None:
    BacklogLimit(tmp_path, 0).check(1 << 60)


async def test_a_sink_over_the_limit_says_so_and_takes_again_by_itself(tmp_path: Path) -> None:
    limit = BacklogLimit(tmp_path / "spool", 300)
    writer = SegmentWriter(
        tmp_path / "spool", "w0", synchronous=False, limits=SpoolLimits(1 << 20, 0), admit=limit.check
    )
    sink = OsSpoolSink(writer)
    await sink.start()
    await sink.append(EVENTS, "acme", (b'{"a":1}',))
    with pytest.raises(SpoolBacklogError, match="no more than 300 bytes"):
        await sink.append(EVENTS, "acme", (b'{"a":1}',) * 10)
    assert "wait to be shipped" in (sink.problem() or "")
    shipper = open_shipper(tmp_path)
    sink._set_floor()
    assert shipper.ship() > 0
    sink._probe()
    assert sink.problem() is None
    await sink.append(EVENTS, "acme", (b'{"a":1}',))
    await sink.stop()
    shipper.close()


def test_the_ledger_is_not_asked_while_far_less_waits_than_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "stored_places", lambda spool: pytest.fail("asked"))
    BacklogLimit(tmp_path, 1000).check(10)
