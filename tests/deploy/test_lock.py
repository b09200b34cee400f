"""One machine per data folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.errors import AlreadyRunningError
from deploy.lock import machine_lock


def test_second_machine_on_a_folder_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    refused = pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}")
    with machine_lock(tmp_path), refused, machine_lock(tmp_path):
        pass


def test_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    with machine_lock(tmp_path):
        pass
    with machine_lock(tmp_path):
        assert (tmp_path / "run" / "machine.lock").read_text() == str(os.getpid())


def test_two_folders_have_two_machines(tmp_path: Path) -> None:
    with machine_lock(tmp_path / "one"), machine_lock(tmp_path / "two"):
        assert (tmp_path / "two" / "run" / "machine.lock").exists()
