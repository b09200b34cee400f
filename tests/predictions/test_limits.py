"""Concurrency limits: never more holders than allowed, first come first served, no place lost."""

from __future__ import annotations

import asyncio

from predictions.limits import ConcurrencyLimit


async def test_places_run_out_and_come_back() -> None:
    limit = ConcurrencyLimit(2, max_waiting=0)
    assert [limit.try_acquire() for _ in range(3)] == [True, True, False]
    limit.release()
    assert limit.try_acquire()


async def test_waiting_is_bounded_in_number_and_time() -> None:
    limit = ConcurrencyLimit(1, max_waiting=1)
    assert limit.try_acquire()
    waiting = asyncio.create_task(limit.acquire(0.05))
    await asyncio.sleep(0)
    assert await limit.acquire(10) is False
    assert await waiting is False
    assert limit.waiting == 0


async def test_first_that_waits_is_first_served() -> None:
    limit, order = ConcurrencyLimit(1, max_waiting=5), []
    assert limit.try_acquire()

    async def take(number: int) -> None:
        assert await limit.acquire(5)
        order.append(number)
        limit.release()

    tasks = [asyncio.create_task(take(number)) for number in range(5)]
    await asyncio.sleep(0)
    assert not limit.try_acquire()
    limit.release()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]
    assert limit.held == 0


async def test_cancelled_waiter_loses_no_place() -> None:
    limit = ConcurrencyLimit(1, max_waiting=5)
    assert limit.try_acquire()
    given_in_the_same_moment = asyncio.create_task(limit.acquire(5))
    await asyncio.sleep(0)
    limit.release()
    given_in_the_same_moment.cancel()
    await asyncio.gather(given_in_the_same_moment, return_exceptions=True)
    assert limit.held == 0
    assert limit.try_acquire()
