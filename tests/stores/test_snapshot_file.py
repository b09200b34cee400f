"""The file that a process starts from while the backend is away."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stores.config import Document
from stores.config.snapshot_file import SnapshotFile

SOURCE = "zookeeper://one:2181"
AT = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)
DOCUMENTS = (
    Document("/all_clients/acme", '{"a":  1}', 3, "ada", AT),
    Document("/config/mf", "acme,\nglobex ü", 1, "zookeeper", AT),
)


@pytest.fixture
def file(tmp_path: Path) -> SnapshotFile:
    return SnapshotFile(tmp_path / "run" / "documents", SOURCE)


@pytest.fixture
def saved(tmp_path: Path, file: SnapshotFile) -> Path:
    file.save(reversed(DOCUMENTS))
    return tmp_path / "run" / "documents"


def test_what_is_saved_is_read_back(file: SnapshotFile) -> None:
    assert file.read() is None
    assert file.save(DOCUMENTS)
    assert file.read() == DOCUMENTS


def test_that_there_are_no_documents_is_something_to_know(file: SnapshotFile) -> None:
    file.save(())
    assert file.read() == ()


def test_file_that_says_the_same_is_left_alone(saved: Path, file: SnapshotFile) -> None:
    before = saved.stat().st_ino
    file.save(DOCUMENTS)
    assert saved.stat().st_ino == before


@pytest.mark.parametrize("place", [3, 60, -5])
def test_damaged_file_is_not_used_and_told(
    saved: Path, file: SnapshotFile, caplog: pytest.LogCaptureFixture, place: int
) -> None:
    content = bytearray(saved.read_bytes())
    content[place] ^= 1
    saved.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert file.read() is None
    assert str(saved) in caplog.text


def test_file_cut_at_any_byte_is_not_used(saved: Path, file: SnapshotFile) -> None:
    content = saved.read_bytes()
    for length in range(0, len(content), 7):
        saved.write_bytes(content[:length])
        assert file.read() is None


def test_documents_of_another_store_are_not_used(saved: Path) -> None:
    assert SnapshotFile(saved, "zookeeper://two:2181").read() is None


def test_disk_that_takes_nothing_is_told_and_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert not SnapshotFile(tmp_path / "file" / "documents", SOURCE).save(DOCUMENTS)


def test_only_this_user_reads_it(saved: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600
