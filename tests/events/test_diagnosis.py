"""Findings about the spool and the hourly files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from common import clock
from events import diagnosis
from events.parts import status_file
from events.shipping.hourly import HourlyFiles
from events.shipping.shipper import Shipper
from events.sinks.framing import encode_head
from events.sinks.segments import SegmentWriter


def ids(found: Any) -> list[str]:
    return [finding.id for finding in found]


@pytest.fixture
def data(settings: Any, tmp_path: Path) -> Path:
    settings.SELDON_DATA = tmp_path
    return tmp_path


def spool_a_record(data: Path, seconds_ago: int) -> None:
    writer = SegmentWriter(data / "spool", "worker", synchronous=False)
    line = b"a line\n"
    stamp = clock.unix_nanoseconds() - seconds_ago * 10**9
    writer.write(encode_head((b"events.live", b"acme"), stamp, 1, line) + line)
    writer.close()


def test_machine_without_a_spool_is_fine(data: Path) -> None:
    assert ids(diagnosis.look_at_disk_speed()) == ["spool.none"]
    assert ids([*diagnosis.look_at_what_waits(), *diagnosis.look_at_damage()]) == []


def test_quick_and_slow_disk(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "spool").mkdir()
    monkeypatch.setattr(diagnosis, "_SLOW_SYNC_SECONDS", 60)
    assert ids(diagnosis.look_at_disk_speed()) == ["spool.sync"]
    monkeypatch.setattr(diagnosis, "_SLOW_SYNC_SECONDS", 0)
    assert ids(diagnosis.look_at_disk_speed()) == ["spool.slow"]
    assert list((data / "spool").iterdir()) == []


def test_spool_that_cannot_be_written(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> list[float]:
        raise PermissionError(13, "Permission denied")

    (data / "spool").mkdir()
    monkeypatch.setattr(diagnosis, "timed_sync", refuse)
    assert ids(diagnosis.look_at_disk_speed()) == ["spool.not-writable"]


def test_records_without_a_shipper_are_left(data: Path) -> None:
    spool_a_record(data, seconds_ago=7200)
    [found] = diagnosis.look_at_what_waits()
    assert found.id == "spool.left"


def test_old_records_beside_a_running_shipper_are_stuck(data: Path) -> None:
    spool_a_record(data, seconds_ago=7200)
    shipper = Shipper(data / "spool", HourlyFiles(data / "logs"))
    [found] = diagnosis.look_at_what_waits()
    assert (found.id, "the oldest for" in found.what) == ("spool.stuck", True)
    shipper.ship()
    assert [each.what for each in diagnosis.look_at_what_waits()] == ["everything is shipped"]
    shipper.close()


def test_new_records_beside_a_running_shipper_are_fine(data: Path) -> None:
    assert diagnosis.judge_waiting(4096, 3, is_shipping=True).id == "spool.waiting"


def test_what_was_set_aside(data: Path) -> None:
    (data / "spool" / ".quarantine").mkdir(parents=True)
    (data / "spool" / ".quarantine" / "w-1-0.bytes").write_bytes(b"damage")
    assert ids(diagnosis.look_at_damage()) == ["spool.damaged"]


def test_damaged_ledger(data: Path) -> None:
    (data / "spool" / ".shipper").mkdir(parents=True)
    (data / "spool" / ".shipper" / "ledger.sqlite3").write_bytes(b"not a database" * 100)
    assert ids(diagnosis.look_at_damage()) == ["spool.ledger"]


def test_hourly_files(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ids(diagnosis.look_at_hourly_files()) == ["destinations.hourly"]
    (data / "logs").mkdir()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert ids(diagnosis.look_at_hourly_files()) == ["destinations.hourly-not-writable"]


def test_destination_that_takes_nothing(data: Path) -> None:
    (data / "run").mkdir()
    status_file().tell("fluentd://127.0.0.1:9", "connection refused")
    assert ids(diagnosis.look_at_shipping()) == []
    shipper = Shipper(data / "spool", HourlyFiles(data / "logs"))
    [found] = diagnosis.look_at_shipping()
    assert (found.id, "connection refused" in found.what) == ("destinations.refuses", True)
    status_file().tell("fluentd://127.0.0.1:9", "")
    assert ids(diagnosis.look_at_shipping()) == ["destinations.takes"]
    shipper.close()
