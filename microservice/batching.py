"""Adaptive batching: calls that come within a few milliseconds are answered by one call of the model."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from microservice.hooks import Hook, drive
from microservice.protocol.errors import UnusableAnswerError
from microservice.threads import ModelThreads

Arguments = tuple[Any, Any]
Outcome = tuple[Any, BaseException | None]


@dataclass(slots=True)
class Waiting:
    """One call that waits for its batch."""

    arguments: Arguments
    meta: Any
    future: asyncio.Future[Any]


@dataclass(slots=True)
class Batch:
    """Calls that can be answered together, and the clock that ends their waiting."""

    timer: asyncio.TimerHandle
    calls: list[Waiting] = field(default_factory=list)
    rows: int = 0


class Batcher:
    """Gathers arrays of the same columns and types, up to `size` rows or until the first has waited."""

    def __init__(self, hook: Hook, threads: ModelThreads[Any], size: int, latency_ms: float) -> None:
        self._hook = hook
        self._threads = threads
        self._size = size
        self._latency_seconds = latency_ms / 1000
        self._batches: dict[Any, Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def call(self, arguments: Arguments, meta: Any) -> Any:
        """Return what the model says to these rows; what is no table of rows is not made to wait."""
        kind = describe_rows(*arguments)
        if kind is None:
            return await self._run(arguments, meta)
        loop = asyncio.get_running_loop()
        batch = self._batches.get(kind)
        if batch is None:
            timer = loop.call_later(self._latency_seconds, self._flush, kind)
            batch = self._batches[kind] = Batch(timer)
        waiting = Waiting(arguments, meta, loop.create_future())
        batch.calls.append(waiting)
        batch.rows += len(arguments[0])
        if batch.rows >= self._size:
            self._flush(kind)
        return await waiting.future

    def _flush(self, kind: Any) -> None:
        batch = self._batches.pop(kind)
        batch.timer.cancel()
        task = asyncio.get_running_loop().create_task(self._answer(batch.calls))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, calls: list[Waiting]) -> None:
        """Answer a batch; when it fails, each call alone, so that one bad row harms nobody else."""
        if len(calls) > 1:
            values = np.concatenate([call.arguments[0] for call in calls])
            lengths = [len(call.arguments[0]) for call in calls]
            joined = self._run((values, calls[0].arguments[1]), {})
            found: Any = (await asyncio.gather(joined, return_exceptions=True))[0]
            if not isinstance(found, BaseException):
                hand_out(calls, lengths, found)
                return
        alone = [self._run(call.arguments, call.meta) for call in calls]
        for call, result in zip(calls, await asyncio.gather(*alone, return_exceptions=True), strict=True):
            finish(call.future, result)

    async def _run(self, arguments: Arguments, meta: Any) -> Any:
        if self._hook.is_async:
            return await self._hook.call(*arguments, more=meta)
        job = partial(self._hook.call, *arguments, more=meta)
        found, error = await self._threads.run(partial(catch, job))
        if error is not None:
            raise error
        return found


def describe_rows(value: Any, names: Any) -> Any:
    """Return what two arrays must have in common to be joined, None for what is no table of numbers."""
    if (
        not isinstance(value, np.ndarray)
        or value.ndim < 1
        or value.dtype.kind not in "biuf"
        or not len(value)
    ):
        return None
    return value.shape[1:], value.dtype.str, tuple(names)


def hand_out(calls: list[Waiting], lengths: list[int], found: Any) -> None:
    """Give each call its rows of the answer; metrics of a SeldonResponse count once, with the first."""
    has_more = type(found).__name__ == "SeldonResponse"
    rows = found.data if has_more else found
    if not isinstance(rows, list | np.ndarray) or len(rows) != sum(lengths):
        shown = f"{len(rows)} rows" if isinstance(rows, list | np.ndarray) else f"a {type(rows).__name__}"
        problem = f"predict returned {shown} for a batch of {sum(lengths)}; batching needs one for each"
        for call in calls:
            finish(call.future, UnusableAnswerError(problem))
        return
    start = 0
    for call, length in zip(calls, lengths, strict=True):
        part = rows[start : start + length]
        if has_more:
            whole, part = part, copy.copy(found)
            part.data, part.metrics = whole, found.metrics if start == 0 else []
        finish(call.future, part)
        start += length


def finish(future: asyncio.Future[Any], found: Any) -> None:
    """Hand over a result or an exception to whoever still waits for it."""
    if future.done():
        return
    if isinstance(found, BaseException):
        future.set_exception(found)
    else:
        future.set_result(found)


def catch(job: Callable[[], Any]) -> Outcome:
    """Return a job's result or what it raised, which may be anything; the caller gets it."""
    try:
        return drive(job()), None
    except BaseException as error:  # noqa: BLE001 - handed to the caller, whose door logs it
        return None, error
