"""Refusals over a quota are held back; nothing else is."""

from __future__ import annotations

import asyncio

import pytest

from lane.app import Lane
from lane.holding import HOLD_SECONDS, LONGEST_SECONDS, SPACING_SECONDS, Holding
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
    assert answer.status == 429
    assert pauses == pytest.approx([HOLD_SECONDS])


@pytest.mark.parametrize("token", ["good", "nobody"])
async def test_other_answers_are_not_held(lane: Lane, pauses: list[float], token: str) -> None:
    await AsgiCaller(lane)("GET", "/echo", headers=[("authorization", f"Bearer {token}")])
    assert pauses == []


async def test_refusals_of_a_flood_go_out_one_after_another_and_hold_up_nobody_else() -> None:
    waits, released = await _hold_all("acme", "acme", "acme", "globex")
    assert waits == pytest.approx(
        [HOLD_SECONDS, HOLD_SECONDS + SPACING_SECONDS, HOLD_SECONDS + 2 * SPACING_SECONDS, HOLD_SECONDS]
    )
    assert released


async def test_no_refusal_is_held_longer_than_the_longest() -> None:
    waits, _ = await _hold_all(*["acme"] * 1_999)
    assert max(waits) == LONGEST_SECONDS


async def test_a_client_whose_flood_is_over_is_refused_as_soon_as_before() -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    holding = Holding(sleep=note, monotonic=lambda: 0.0)
    for _ in range(3):
        await holding.hold("acme")
    assert waits == [HOLD_SECONDS] * 3


async def _hold_all(*clients: str) -> tuple[list[float], bool]:
    """How long each refusal is held when all come at once; and whether all came through."""
    waits, gate = [], asyncio.Event()

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        await gate.wait()

    holding = Holding(sleep=wait, monotonic=lambda: 0.0)
    tasks = [asyncio.create_task(holding.hold(client)) for client in clients]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*tasks)
    return waits, all(task.done() for task in tasks)


async def test_refusal_is_answered_at_once_when_too_many_are_held() -> None:
    released, waiting = asyncio.Event(), []

    async def wait(seconds: float) -> None:
        waiting.append(seconds)
        await released.wait()

    holding = Holding(most=1, sleep=wait)
    first = asyncio.create_task(holding.hold("acme"))
    await asyncio.sleep(0)
    await holding.hold("acme")
    assert len(waiting) == 1
    released.set()
    await first
    await holding.hold("acme")
    assert len(waiting) == 2
