"""Refusals over a quota are held back; nothing else is."""

from __future__ import annotations

import asyncio

import pytest

from lane.app import Lane
from lane.holding import HOLD_SECONDS, Holding
from tests.lane.doubles import AsgiCaller, make_lane, make_route


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def lane(pauses: list[float]) -> Lane:
    async def note(seconds: float) -> None:
        pauses.append(seconds)

    made = make_lane(make_route("/echo"))
    made.holding = Holding(sleep=note)
    return made


async def test_refusal_over_quota_is_held_before_it_is_answered(lane: Lane, pauses: list[float]) -> None:
    answer = await AsgiCaller(lane)("GET", "/echo", headers=[("authorization", "Bearer over")])
    assert (answer.status, pauses) == (429, [HOLD_SECONDS])


@pytest.mark.parametrize("token", ["good", "nobody"])
async def test_other_answers_are_not_held(lane: Lane, pauses: list[float], token: str) -> None:
    await AsgiCaller(lane)("GET", "/echo", headers=[("authorization", f"Bearer {token}")])
    assert pauses == []


async def test_refusal_is_answered_at_once_when_too_many_are_held() -> None:
    released, waiting = asyncio.Event(), []

    async def wait(seconds: float) -> None:
        waiting.append(seconds)
        await released.wait()

    holding = Holding(most=1, sleep=wait)
    first = asyncio.create_task(holding.hold())
    await asyncio.sleep(0)
    await holding.hold()
    assert len(waiting) == 1
    released.set()
    await first
    await holding.hold()
    assert len(waiting) == 2
