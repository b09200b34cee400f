"""The gateway of one worker: strategies and microservices as plans, run within each client's limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from common import clock
from common.traffic import TRAFFIC
from events.sinks.base import PREDICTIONS, Sink
from predictions.errors import ClientBusyError, MicroserviceMissingError, StrategyMissingError
from predictions.execution import Record, Shadows, run_plan
from predictions.graph import Plan, Step, compile_plan, single_step_plan
from predictions.limits import ClientLimits
from predictions.prediction_log import EVERYTHING, Prediction, compile_policy, line_of
from predictions.protocols.meta import Facts, finish
from predictions.records import Algorithm, Ask, MicroserviceSpec, Outcome, Strategy
from predictions.registry import Registry, Table, Upstreams
from predictions.strategies import compile_document
from predictions.upstreams import MissingUpstream, Upstream
from stores.config.base import ConfigStore

SURFACE: Final = "predict"
# A replaced microservice finishes the calls under way before its connections are closed.
RETIRE_SECONDS: Final = 30.0
MAX_SHADOWS: Final = 256
LONGEST_CLIENT_WAIT_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """What one worker allows: a microservice's own limits when it names none, and a client's."""

    deadline_seconds: float = 5.0
    concurrency: int = 64
    client_concurrency: int = 256


class _Kept(NamedTuple):
    """A plan and what it was made from; it holds while both are the same objects."""

    strategy: Strategy
    table: Table
    plan: Plan


class Gateway:
    """Answers predictions of every client from what is in memory."""

    def __init__(
        self,
        config: Callable[[], ConfigStore],
        registry: Registry,
        upstreams: Upstreams,
        sink: Sink,
        limits: GatewayLimits,
    ) -> None:
        self._config = config
        self.registry = registry
        self.upstreams = upstreams
        self.sink = sink
        self.limits = limits
        self._client_limits = ClientLimits(limits.client_concurrency)
        self._shadows = Shadows(MAX_SHADOWS)
        self._plans: dict[str, _Kept] = {}
        self._retiring: set[asyncio.Task[None]] = set()

    # -- plans -------------------------------------------------------------------------------------

    def plan_of(self, client: str) -> Plan:
        """The plan of the client's strategy; StrategyMissingError when there is none."""
        strategy = self._strategy_of(client)
        table = self.registry.of(client)
        kept = self._plans.get(client)
        if kept is not None and kept.strategy is strategy and kept.table is table:
            return kept.plan
        return self._compile(client, strategy, table)

    def named_plan(self, client: str, name: str) -> Plan:
        """The plan that calls the client's microservice `name` and nothing else."""
        upstream = self.upstream(client, name)
        return single_step_plan(upstream, client, upstream.spec.deadline_seconds)

    def upstream(self, client: str, name: str) -> Upstream:
        """The client's microservice `name`; MicroserviceMissingError when there is none."""
        spec = self.registry.of(client).get(name)
        if spec is None:
            raise MicroserviceMissingError(client, name)
        return self.upstreams.of(client, spec)

    def _strategy_of(self, client: str) -> Strategy:
        config = self._config()
        strategy = config.compiled(f"/all_clients/{client}/predict_algs", compile_document)
        if strategy is None:
            strategy = config.compiled("/config/default_prediction_strategy", compile_document)
        if strategy is None:
            raise StrategyMissingError(client)
        return strategy

    def _compile(self, client: str, strategy: Strategy, table: Table) -> Plan:
        used = set(table.values())

        def resolve(algorithm: Algorithm) -> Step:
            spec = self._unregistered(algorithm) if algorithm.url else table.get(algorithm.name)
            if spec is None:
                return MissingUpstream(algorithm.name)
            used.add(spec)
            return self.upstreams.of(client, spec)

        plan = compile_plan(strategy, client, resolve, self._overall_deadline(strategy, table))
        self._plans[client] = _Kept(strategy, table, plan)
        self._retire(self.upstreams.retire(client, used))
        return plan

    def _unregistered(self, algorithm: Algorithm) -> MicroserviceSpec:
        """Seldon's documents hold the URL themselves; what answers there speaks Seldon Server's contract."""
        limits = self.limits
        return MicroserviceSpec(
            algorithm.name, algorithm.url, "legacy", limits.deadline_seconds, limits.concurrency
        )

    def _overall_deadline(self, strategy: Strategy, table: Table) -> float:
        """Time for every step of the longest branch to use up its own deadline."""
        longest = 0.0
        for variation in strategy.variations:
            specs = [table.get(algorithm.name) for algorithm in variation.algorithms]
            own = [spec.deadline_seconds if spec else self.limits.deadline_seconds for spec in specs]
            longest = max(longest, sum(own))
        return longest

    def _retire(self, upstreams: list[Upstream]) -> None:
        for upstream in upstreams:
            task = asyncio.get_running_loop().create_task(_close_later(upstream))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    # -- predictions -------------------------------------------------------------------------------

    async def predict(self, ask: Ask, plan: Plan) -> bytes:
        """The answer of `plan` in the caller's protocol, meta filled, recorded; raises why there is none."""
        limit = self._client_limits.of(ask.client)
        if not limit.try_acquire() and not await limit.acquire(LONGEST_CLIENT_WAIT_SECONDS):
            raise ClientBusyError(ask.client, limit.limit)
        started = clock.perf_counter()
        try:
            if plan.shadows:
                self._shadows.send(plan, ask, self._shadow_recorder(ask))
            outcome = await run_plan(plan, ask)
        finally:
            limit.release()
        answer, model = _finish(ask, outcome)
        TRAFFIC.count_variation(ask.client, SURFACE, outcome.variation)
        self._record(ask, outcome, (answer, model), clock.perf_counter() - started)
        return answer

    def _record(
        self, ask: Ask, outcome: Outcome, said: tuple[bytes, str], seconds: float, *, is_shadow: bool = False
    ) -> None:
        policy = (
            self._config().compiled(f"/all_clients/{ask.client}/predict_log", compile_policy) or EVERYTHING
        )
        if not policy.keeps(ask.puid):
            return
        prediction = Prediction(
            client=ask.client,
            puid=ask.puid,
            input=ask.body,
            answer=said[0],
            outcome=outcome,
            model=said[1],
            seconds=seconds,
            timestamp=clock.unix_seconds(),
            is_shadow=is_shadow,
        )
        self.sink.append_nowait(PREDICTIONS, ask.client, (line_of(prediction, policy),))

    def _shadow_recorder(self, ask: Ask) -> Record:
        def record(outcome: Outcome, seconds: float) -> None:
            self._record(ask, outcome, _finish(ask, outcome), seconds, is_shadow=True)

        return record

    async def close(self) -> None:
        """Let go of every connection."""
        await self._shadows.stop()
        for task in list(self._retiring):
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        for upstream in self.upstreams.take_all():
            await upstream.transport.close()


def _finish(ask: Ask, outcome: Outcome) -> tuple[bytes, str]:
    facts = Facts(
        puid=ask.puid,
        microservice=outcome.microservice,
        variation=outcome.variation,
        branch=outcome.branch,
        is_default_output=outcome.is_default_output,
        request_meta=ask.meta,
    )
    return finish(ask.protocol.name, outcome.document, outcome.body, facts)


async def _close_later(upstream: Upstream) -> None:
    try:
        await asyncio.sleep(RETIRE_SECONDS)
    finally:
        await upstream.transport.close()
