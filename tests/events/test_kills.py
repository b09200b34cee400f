"""kill -9 of real writers and shippers: what was acknowledged is in the files, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.kills import Torture
from tests.torture.machine import torture


@pytest.mark.slow
@pytest.mark.parametrize("durability", ["fsync", "os"])
def test_every_acknowledged_event_is_in_the_files_once_however_often_parts_are_killed(
    tmp_path: Path, durability: str
) -> None:
    outcome = Torture(tmp_path, durability, seed=7).run(loops=12)
    outcome.check()
    assert len(outcome.acknowledged) > 500
    assert outcome.kills.total() >= 14
    assert min(outcome.kills[name] for name in ("w0", "w1", "shipper")) >= 2


@pytest.mark.slow
def test_a_machine_whose_workers_and_shipper_are_killed_loses_and_doubles_nothing(tmp_path: Path) -> None:
    outcome = torture(tmp_path, "fsync", loops=5)
    outcome.check()
    assert len(outcome.acknowledged) >= 200
    assert min(outcome.kills[name] for name in ("w0", "w1", "shipper")) >= 2
