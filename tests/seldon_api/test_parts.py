"""The control plane as a part of a worker: loaded beside it, and what is told when it cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from common.parts import is_vital
from seldon_api.parts import ControlPlanePart


@pytest.mark.parametrize(
    ("addresses", "problem"), [("seldon_api.urls", None), ("no.such", "cannot be loaded")]
)
async def test_worker_goes_on_without_a_control_plane_and_tells_of_it(
    settings: Any, addresses: str, problem: str | None
) -> None:
    settings.ROOT_URLCONF = addresses
    part = ControlPlanePart()
    assert part.problem() is None
    await part.start()
    await part.stop()
    assert (part.problem() or "").count(problem or "No module") == (1 if problem else 0)
    assert not is_vital(part)
