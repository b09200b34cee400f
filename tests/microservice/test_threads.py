"""Jobs in model threads: results, order, limits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from time import monotonic

import pytest

from microservice.errors import BusyError, CallTimeoutError
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
    both = threading.Barrier(2, timeout=60)
    assert sorted(await asyncio.gather(threads.run(both.wait), threads.run(both.wait))) == [0, 1]


async def test_a_full_queue_refuses_and_a_cancelled_caller_costs_no_call() -> None:
    threads: ModelThreads[bool] = ModelThreads(1, 2)
    gate, started = threading.Event(), threading.Event()
    calls: list[str] = []

    def blocked() -> bool:
        started.set()
        return gate.wait(60)

    def counted() -> bool:
        calls.append("called")
        return True

    running = threads.run(blocked)
    assert await asyncio.to_thread(started.wait, 60)
    left, kept = threads.run(counted), threads.run(counted)
    with pytest.raises(BusyError):
        threads.run(counted)
    left.cancel()
    gate.set()
    assert await running
    assert await kept
    assert calls == ["called"]


class Gated:
    """A job that says when its thread began it, and ends when it may."""

    def __init__(self) -> None:
        self.began, self.may_end = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.began.set()
        return str(self.may_end.wait(30))


def make_threads(clock: Callable[[], float]) -> tuple[ModelThreads[str], list[str]]:
    """Return one thread with an impatient loop, and the list of how often it was told to be stuck."""
    threads: ModelThreads[str] = ModelThreads(1, 10, timeout_seconds=0.05, clock=clock)
    stuck: list[str] = []
    threads.on_stuck = lambda: stuck.append("stuck")
    return threads, stuck


async def until(claim: Callable[[], object]) -> None:
    """Return once a claim holds."""
    async with asyncio.timeout(30):
        while not claim():
            await asyncio.sleep(0.005)


async def test_only_a_job_under_way_is_stuck_and_one_that_waited_costs_no_call() -> None:
    threads, stuck = make_threads(monotonic)
    first, third = Gated(), Gated()
    called: list[str] = []

    def count() -> str:
        called.append("second")
        return "second"

    jobs = [threads.run(first)]
    # Not awaited: while the loop stands still no job's time runs out before a thread has it.
    assert first.began.wait(30)
    jobs.append(threads.run(count))
    found = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(each) for each in found] == [CallTimeoutError, CallTimeoutError]
    await until(lambda: stuck)
    first.may_end.set()
    last = threads.run(third)
    assert third.began.wait(30)
    assert (stuck, called) == (["stuck"], [])
    third.may_end.set()
    await asyncio.wait([last])


async def test_job_that_waited_long_for_a_thread_gets_its_time_in_it() -> None:
    now = [0.0]
    threads, stuck = make_threads(lambda: now[0])
    first, second = Gated(), Gated()
    jobs = [threads.run(first), threads.run(second)]
    assert first.began.wait(30)
    now[0] = 0.04
    first.may_end.set()
    assert second.began.wait(30)
    with pytest.raises(CallTimeoutError):
        await jobs[1]
    assert (await jobs[0], stuck) == ("True", [])
    now[0] += 0.05
    await until(lambda: stuck)
    second.may_end.set()


async def test_result_that_comes_as_its_time_runs_out_is_the_answer() -> None:
    threads, stuck = make_threads(monotonic)
    loop, first, second = asyncio.get_running_loop(), Gated(), Gated()
    told: list[object] = []
    loop.set_exception_handler(lambda _, context: told.append(context))
    jobs = [threads.run(first), threads.run(second)]
    assert first.began.wait(30)
    first.may_end.set()
    assert second.began.wait(30)
    due = loop.time() + 0.05
    while loop.time() < due:  # the loop stands still until both have had their time
        pass
    assert await jobs[0] == "True"
    second.may_end.set()
    await asyncio.wait(jobs)
    assert (told, stuck) == ([], ["stuck"])


class LateToTell(asyncio.Future[str]):
    """A future that a model thread still sees undone when the loop has given it up meanwhile."""

    asked, given_up = threading.Event(), threading.Event()

    def done(self) -> bool:
        found = super().done()
        if threading.current_thread().name.startswith("model-"):
            self.asked.set()
            self.given_up.wait(30)
        return found


async def test_job_given_up_while_its_thread_takes_it_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    threads, stuck = make_threads(monotonic)
    loop, job = asyncio.get_running_loop(), Gated()
    monkeypatch.setattr(loop, "create_future", lambda: LateToTell(loop=loop))
    given_up = threads.run(job)
    monkeypatch.undo()
    assert LateToTell.asked.wait(30)
    with pytest.raises(CallTimeoutError):
        await given_up
    LateToTell.given_up.set()
    assert job.began.wait(30)
    await until(lambda: stuck)
    job.may_end.set()
