"""The gateway of one worker: strategies and microservices as plans, run within each client's limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from common import clock
from common.traffic import TRAFFIC
from events.sinks.base import Sink
from predictions.errors import AnswererMissingError, ClientBusyError
from predictions.execution import Shadows, run_branch
from predictions.graph import Branch, Plan
from predictions.graphs.gateway import GraphGateway
from predictions.graphs.serving import Serving
from predictions.limits import ConcurrencyLimit
from predictions.message_types import MessageTypes
from predictions.plans import ClientPlans, Compiler
from predictions.prediction_log import LogPolicy, Prediction
from predictions.protocols.meta import finish
from predictions.recording import Recorder
from predictions.records import Ask, MicroserviceSpec, Outcome
from predictions.registry import MakeTransport, Registry, Upstreams
from predictions.upstreams import Upstream
from stores.config.base import ConfigStore

SURFACE: Final = "predict"
# A replaced microservice finishes the calls under way before its connections are closed: whoever holds it
# has this long to begin one, and a call ends with its deadline.
RETIRE_SECONDS: Final = 30.0
MAX_SHADOWS: Final = 256
LONGEST_CLIENT_WAIT_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """What one worker allows: a microservice's own limits when it names none, and a client's."""

    deadline_seconds: float = 5.0
    concurrency: int = 64
    client_concurrency: int = 256


class ClientState:
    """What the gateway keeps of one client: its plans, and how many predictions are under way."""

    __slots__ = ("limit", "plans")

    def __init__(self, client: str, concurrency: int) -> None:
        self.plans = ClientPlans(client)
        self.limit = ConcurrencyLimit(concurrency, max_waiting=concurrency)


class Gateway:
    """Answers predictions of every client from what is in memory."""

    def __init__(
        self,
        config: Callable[[], ConfigStore],
        registry: Registry[MicroserviceSpec],
        make_transport: MakeTransport,
        sink: Sink,
        limits: GatewayLimits,
    ) -> None:
        self._config = config
        self.registry = registry
        self.deployments: Registry[Serving] = Registry()
        self.upstreams = Upstreams(make_transport, self.types_of)
        self.recorder = Recorder(sink, self.policy_of)
        self._client_concurrency = limits.client_concurrency
        default = MicroserviceSpec("", "", "legacy", limits.deadline_seconds, limits.concurrency)
        self._compiler = Compiler(self.upstreams, self.retire, default)
        # Replicas are retired with their deployment, microservices with the strategy that names them.
        replica = replace(default, protocol="seldon", is_local=True)
        self.graphs = GraphGateway(self.deployments, make_transport, replica, self)
        self._states: dict[str, ClientState] = {}
        self._shadows = Shadows(MAX_SHADOWS)
        self._retiring: set[asyncio.Task[None]] = set()

    # -- plans -------------------------------------------------------------------------------------

    def plan_of(self, client: str) -> Plan:
        """The plan of the client's strategy; StrategyMissingError when there is none."""
        plans = self._state(client).plans
        return plans.plan(self._config(), self.registry.of(client), self._compiler.compile)

    def has_strategy(self, client: str) -> bool:
        """Whether a strategy is in force for `client`."""
        return self._state(client).plans.has_strategy(self._config())

    def named_plan(self, client: str, name: str) -> Plan:
        """The plan that calls the client's microservice `name` and nothing else."""
        spec = self.registry.of(client).get(name)
        return self._state(client).plans.named(name, spec, self._compiler)

    def upstream(self, client: str, name: str) -> Upstream:
        """The client's microservice `name`; AnswererMissingError when there is none."""
        spec = self.registry.of(client).get(name)
        if spec is None:
            raise AnswererMissingError(client, name)
        return self.upstreams.of(client, spec)

    def _state(self, client: str) -> ClientState:
        found = self._states.get(client)
        if found is None:
            found = self._states[client] = ClientState(client, self._client_concurrency)
        return found

    def retire(self, upstreams: list[Upstream]) -> None:
        """Close `upstreams` once what is under way has ended."""
        for upstream in upstreams:
            task = asyncio.get_running_loop().create_task(_close_later(upstream))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    # -- predictions -------------------------------------------------------------------------------

    async def predict(self, ask: Ask, plan: Plan) -> bytes:
        """The answer of `plan` in the caller's protocol, meta filled, recorded; raises why there is none."""
        limit = self._state(ask.client).limit
        if not limit.try_acquire() and not await limit.acquire(LONGEST_CLIENT_WAIT_SECONDS):
            raise ClientBusyError(ask.client, limit.limit)
        started = clock.perf_counter()
        try:
            if plan.shadows:
                self._shadows.send(plan, ask, self._shadow_recorder(ask))
            branch = plan.branch_for(ask.puid)
            outcome = await run_branch(branch, ask, plan.deadline_seconds)
        finally:
            limit.release()
        answer, model = finish(ask, outcome, branch.label, branch.index)
        TRAFFIC.count_variation(ask.client, SURFACE, branch.label)
        seconds = clock.perf_counter() - started
        self.recorder.add(Prediction(ask, outcome, answer, model, branch.label, seconds))
        return answer

    def limit_of(self, client: str) -> ConcurrencyLimit:
        """How many predictions of `client` may be under way in this worker."""
        return self._state(client).limit

    def is_recorded(self, client: str, puid: str) -> bool:
        """Whether the predictions of `puid` are written down."""
        return self.policy_of(client).keeps(puid)

    def record(self, prediction: Prediction) -> None:
        """Write down a prediction, soon."""
        self.recorder.add(prediction)

    def policy_of(self, client: str) -> LogPolicy:
        """What of the client's predictions is recorded."""
        return self._state(client).plans.policy(self._config())

    def types_of(self, client: str) -> MessageTypes:
        """The client's own messages of Seldon Server's gRPC."""
        return self._state(client).plans.types(self._config())

    def _shadow_recorder(self, ask: Ask) -> Callable[[Branch, Outcome, float], None]:
        def record(branch: Branch, outcome: Outcome, seconds: float) -> None:
            answer, model = finish(ask, outcome, branch.label, branch.index)
            self.recorder.add(Prediction(ask, outcome, answer, model, branch.label, seconds, is_shadow=True))

        return record

    async def close(self) -> None:
        """Let go of every connection; records that wait go to the sink."""
        await self._shadows.stop()
        await self.graphs.close()
        for task in list(self._retiring):
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        for upstream in self.upstreams.take_all():
            await upstream.transport.close()
        self.recorder.flush()


async def _close_later(upstream: Upstream) -> None:
    try:
        await asyncio.sleep(RETIRE_SECONDS + upstream.spec.deadline_seconds)
    finally:
        await upstream.transport.close()
