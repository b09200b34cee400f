"""`.run/demo.json`: private, whole, and there only while everything answers."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from deploy.demo.record import DemoFile, DemoRecord

RECORD = DemoRecord("http://127.0.0.1:8000", "demo", "KEY", "secret", "JSKEY", "operator", "password")


@pytest.fixture
def file(tmp_path: Path) -> DemoFile:
    return DemoFile(tmp_path / ".run")


def test_record_that_was_written_is_read_and_only_its_owner_may(file: DemoFile) -> None:
    file.write(RECORD)
    assert file.read() == RECORD
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_record_put_aside_is_not_there_and_still_read(file: DemoFile) -> None:
    file.write(RECORD)
    file.put_aside()
    assert not file.path.exists()
    assert file.read() == RECORD


def test_newer_record_replaces_the_one_put_aside(file: DemoFile) -> None:
    file.write(RECORD)
    file.put_aside()
    newer = dataclasses.replace(RECORD, consumer_key="NEWER")
    file.write(newer)
    file.put_aside()
    assert file.read() == newer


def test_nothing_and_nonsense_are_no_record(file: DemoFile) -> None:
    assert file.read() is None
    file.path.parent.mkdir()
    file.path.write_text('{"url": "only"}')
    assert file.read() is None


def test_half_written_record_of_a_killed_run_is_no_hindrance(file: DemoFile) -> None:
    file.path.parent.mkdir()
    file.path.with_suffix(".tmp").write_text("{")
    file.write(RECORD)
    assert file.read() == RECORD
