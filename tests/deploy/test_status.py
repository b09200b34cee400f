"""What the supervisor tells others."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

from deploy.status import (
    MachineStatus,
    PartStatus,
    left_over,
    read_status,
    remove_status,
    start_ticks,
    write_status,
)

PART = PartStatus(
    name="worker-1",
    kind="worker",
    state="running",
    pid=os.getpid(),
    ticks=start_ticks(os.getpid()),
    started_at="2026-11-21T09:00:00+00:00",
    restarts=4,
    is_crash_looping=False,
    last_exit="ended with exit code 3",
    next_start_at=None,
    log="",
)
MACHINE = MachineStatus(1, "http://127.0.0.1:8000", "2026-11-21T09:00:00+00:00", (PART,))


def test_status_that_was_written_is_read(tmp_path: Path) -> None:
    write_status(tmp_path, MACHINE)
    assert read_status(tmp_path) == MACHINE


def test_no_status_is_none(tmp_path: Path) -> None:
    write_status(tmp_path, MACHINE)
    remove_status(tmp_path)
    assert read_status(tmp_path) is None


def test_status_of_another_version_is_none(tmp_path: Path) -> None:
    (tmp_path / "parts.json").write_text('{"parts": [{"name": "worker-1"}]}')
    assert read_status(tmp_path) is None


def test_part_that_keeps_ending_is_a_problem() -> None:
    looping = dataclasses.replace(PART, is_crash_looping=True)
    assert dataclasses.replace(MACHINE, parts=(PART, looping)).problems == [
        "worker-1 keeps ending (ended with exit code 3), started 4 times again"
    ]


def test_living_process_is_left_over() -> None:
    assert left_over([PART]) == [PART]


def test_process_with_a_number_used_again_is_not_left_over() -> None:
    assert PART.ticks is not None
    assert left_over([dataclasses.replace(PART, ticks=PART.ticks - 1)]) == []


def test_ended_process_has_no_start() -> None:
    ended = subprocess.Popen([sys.executable, "-I", "-S", "-c", ""])
    ended.wait(20)
    assert start_ticks(ended.pid) is None
