"""A machine for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.offline.splitting.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)
