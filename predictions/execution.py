"""Runs a plan: steps in order until one answers, within one deadline; shadows beside it, never in its way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from common import clock
from common.errors import DeadlineExceededError, SeldonError
from common.metrics import Counter
from predictions.errors import ModelRefusedError
from predictions.graph import Branch, Plan
from predictions.protocols import LEGACY, SELDON
from predictions.records import Ask, Outcome

logger = logging.getLogger(__name__)

Record = Callable[[Branch, Outcome, float], None]

SHADOWS_DROPPED: Final = Counter(
    "seldon_shadow_calls_dropped", "Copies for shadows that were not sent, by reason.", ("client", "reason")
)


def run_branch(branch: Branch, ask: Ask, seconds: float) -> Awaitable[Outcome]:
    """The answer of the first step that has one, else the default output; raises why there is neither."""
    if len(branch.steps) == 1 and branch.default_output is None:
        return branch.steps[0].predict(ask, seconds)
    return _run_steps(branch, ask, seconds)


async def _run_steps(branch: Branch, ask: Ask, seconds: float) -> Outcome:
    expires_at = clock.monotonic() + seconds
    failures: list[SeldonError] = []
    for step in branch.steps:
        left = expires_at - clock.monotonic()
        if left <= 0:
            failures.append(DeadlineExceededError(f"The prediction took longer than {seconds:g} s."))
            break
        try:
            return await step.predict(ask, left)
        except SeldonError as error:
            failures.append(error)
    if branch.default_output is not None:
        return _default_outcome(branch, ask)
    raise _worst(failures)


def _default_outcome(branch: Branch, ask: Ask) -> Outcome:
    """The strategy's default output in the caller's protocol, marked as what it is."""
    document = branch.default_output or {}
    written_in = LEGACY if "predictions" in document else SELDON
    if written_in is not ask.protocol:
        document = ask.protocol.write_answer(written_in.read_answer(document), ask.message)
    return Outcome("default_output", document, is_default_output=True)


def _worst(failures: list[SeldonError]) -> SeldonError:
    """The failure the caller can mend if there is one, else the last, saying what all of them say."""
    chosen = next((each for each in failures if isinstance(each, ModelRefusedError)), failures[-1])
    if len(failures) > 1:
        chosen.message = " ".join(each.message for each in failures)
    return chosen


class Shadows:
    """Copies of requests on their way to shadows: so many at once, and what they do stays their own."""

    def __init__(self, max_running: int) -> None:
        self._max_running = max_running
        self._running: set[asyncio.Task[None]] = set()

    def send(self, plan: Plan, ask: Ask, record: Record) -> None:
        """Start the shadows of `plan` that see this request; `record` gets their answers and times."""
        for branch in plan.shadows_for(ask.puid):
            if len(self._running) >= self._max_running:
                SHADOWS_DROPPED.add((ask.client, "too_many"))
                continue
            task = asyncio.get_running_loop().create_task(_shadow(branch, ask, plan.deadline_seconds, record))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def stop(self) -> None:
        """Let go of the copies under way."""
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


async def _shadow(branch: Branch, ask: Ask, seconds: float, record: Record) -> None:
    started = clock.perf_counter()
    try:
        outcome = await run_branch(branch, ask, seconds)
    except SeldonError as error:
        SHADOWS_DROPPED.add((ask.client, error.code))
        logger.info("shadow %s of client %s: %s", branch.label, ask.client, error.message)
        return
    record(branch, outcome, clock.perf_counter() - started)
