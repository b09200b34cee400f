"""Jobs in model threads: results, order, limits."""

from __future__ import annotations

import asyncio
import threading

import pytest

from microservice.errors import BusyError
from microservice.threads import ModelThreads


async def test_one_thread_runs_jobs_in_order() -> None:
    threads: ModelThreads[int] = ModelThreads(1, 1000)
    order: list[int] = []

    def job(number: int) -> int:
        order.append(number)
        return number

    results = await asyncio.gather(*[threads.run(lambda n=n: job(n)) for n in range(200)])  # type: ignore[misc]
    assert results == order == list(range(200))


async def test_two_threads_run_two_jobs_at_once() -> None:
    threads: ModelThreads[int] = ModelThreads(2, 10)
    both = threading.Barrier(2, timeout=10)
    assert sorted(await asyncio.gather(threads.run(both.wait), threads.run(both.wait))) == [0, 1]


async def test_a_full_queue_refuses_and_a_cancelled_caller_costs_no_call() -> None:
    threads: ModelThreads[bool] = ModelThreads(1, 2)
    gate, started = threading.Event(), threading.Event()
    calls: list[str] = []

    def blocked() -> bool:
        started.set()
        return gate.wait(10)

    def counted() -> bool:
        calls.append("called")
        return True

    running = threads.run(blocked)
    assert await asyncio.to_thread(started.wait, 10)
    left, kept = threads.run(counted), threads.run(counted)
    with pytest.raises(BusyError):
        threads.run(counted)
    left.cancel()
    gate.set()
    assert await running
    assert await kept
    assert calls == ["called"]
