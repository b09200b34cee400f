"""Shipped files go by age and size, only when asked."""

from __future__ import annotations

import os
from pathlib import Path

from events.shipping.retention import Retention

NOW = 1_767_323_045


def make_file(logs: Path, hour: int, number: int = 0, days_old: int = 0) -> Path:
    path = logs / f"events.2026/01/02/{hour:02d}/20260102-{hour:02d}_{number}.log.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 100)
    os.utime(path, (NOW - days_old * 86_400 - 1,) * 2)
    return path


def test_nothing_is_deleted_unless_asked(tmp_path: Path) -> None:
    path = make_file(tmp_path, 1, days_old=1000)
    assert Retention(tmp_path).apply(NOW) == []
    assert path.exists()


def test_old_files_go_with_the_folders_they_leave_empty(tmp_path: Path) -> None:
    old, young = make_file(tmp_path, 1, days_old=3), make_file(tmp_path, 2, days_old=2)
    assert Retention(tmp_path, keep_days=3).apply(NOW) == [old]
    assert young.exists()
    assert not old.parent.exists()


def test_the_oldest_hours_go_first_when_there_is_too_much(tmp_path: Path) -> None:
    files = [make_file(tmp_path, hour, number) for hour in (1, 2) for number in (0, 1)]
    assert Retention(tmp_path, keep_bytes=250).apply(NOW) == files[:2]


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "events.2026/01/02/01/notes.log.gz"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"x" * 1000)
    assert Retention(tmp_path, keep_days=1, keep_bytes=1).apply(NOW + 10**9) == []
