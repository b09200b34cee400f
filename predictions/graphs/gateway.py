"""Answers predictions and feedback of deployments, from what is in memory, within the client's limits."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, NamedTuple, Protocol

from common import clock
from common.errors import SeldonError
from common.traffic import TRAFFIC
from predictions.errors import ClientBusyError, DeploymentMissingError
from predictions.execution import SHADOWS_DROPPED
from predictions.graphs.deployed import Assembler, Deployed, LivePredictor
from predictions.graphs.feedback import walk_feedback
from predictions.graphs.message import Message
from predictions.graphs.metrics import SERVER_SECONDS
from predictions.graphs.request_log import RequestLog
from predictions.graphs.serving import Serving
from predictions.graphs.walk import Walk
from predictions.graphs.walking import walk_graph
from predictions.limits import ConcurrencyLimit
from predictions.prediction_log import Prediction
from predictions.protocols import PROTOCOLS
from predictions.protocols.base import Document, object_in
from predictions.records import Ask, MicroserviceSpec, Outcome
from predictions.registry import MakeTransport, Registry, Upstreams
from predictions.upstreams import Upstream

logger = logging.getLogger(__name__)

SURFACE: Final = "predict"
MAX_SHADOWS: Final = 256
LONGEST_CLIENT_WAIT_SECONDS: Final = 1.0
DEFAULT_NAME: Final = "default"


class Asked(NamedTuple):
    """One prediction asked of a deployment."""

    client: str
    deployed: Deployed
    message: Message
    puid: str
    headers: bytes = b""
    model: str = ""
    is_logged: bool = True


class Surroundings(Protocol):
    """What the graphs use of the worker's gateway."""

    def limit_of(self, client: str) -> ConcurrencyLimit:
        """How many predictions of `client` may be under way."""

    def retire(self, upstreams: list[Upstream]) -> None:
        """Close `upstreams` once what is under way has ended."""

    def is_recorded(self, client: str, puid: str) -> bool:
        """Whether the predictions of `puid` are written down."""

    def record(self, prediction: Prediction) -> None:
        """Write down a prediction, soon."""


class GraphGateway:
    """The deployments of one worker: compiled when they are first called, and again when they changed."""

    def __init__(
        self,
        registry: Registry[Serving],
        make_transport: MakeTransport,
        default: MicroserviceSpec,
        surroundings: Surroundings,
    ) -> None:
        self.registry = registry
        self.upstreams = Upstreams(make_transport)
        self.request_log = RequestLog(make_transport)
        self._default = default
        self._around = surroundings
        self._deployed: dict[str, dict[str, Deployed]] = {}
        self._shadows: set[asyncio.Task[None]] = set()

    # -- what is there -----------------------------------------------------------------------------

    def find(self, client: str, name: str) -> Deployed | None:
        """The client's deployment `name`; None when it has none of that name."""
        serving = self.registry.of(client).get(name)
        kept = self._deployed.get(client, {}).get(name)
        if kept is not None and kept.serving is serving:
            return kept
        return self._renew(client, name, serving)

    def get(self, client: str, name: str) -> Deployed:
        """The client's deployment `name`; DeploymentMissingError when it has none of that name."""
        found = self.find(client, name)
        if found is None:
            raise DeploymentMissingError(client, name)
        return found

    def default(self, client: str) -> Deployed | None:
        """What answers calls that name no deployment: the one called `default`, or the client's only one."""
        table = self.registry.of(client)
        if DEFAULT_NAME in table:
            return self.find(client, DEFAULT_NAME)
        return self.find(client, next(iter(table))) if len(table) == 1 else None

    def _renew(self, client: str, name: str, serving: Serving | None) -> Deployed | None:
        """Compile what changed, let go of what is gone, and retire the replicas that nothing calls now."""
        table = self.registry.of(client)
        owned = self._deployed.setdefault(client, {})
        for gone in [each for each in owned if each not in table]:
            del owned[gone]
        found = None
        if serving is not None:
            assembler = Assembler(
                client, serving, self._default, lambda spec: self.upstreams.of(client, spec), self.request_log
            )
            found = owned[name] = assembler.assemble()
        used = {spec for each in owned.values() for spec in each.specs}
        self._around.retire(self.upstreams.retire(client, used))
        if not owned:
            del self._deployed[client]
        return found

    # -- predictions -------------------------------------------------------------------------------

    async def predict(self, asked: Asked) -> Message:
        """The answer of the predictor that `asked.puid` gets, recorded; raises why there is none."""
        limit = self._around.limit_of(asked.client)
        if not limit.try_acquire() and not await limit.acquire(LONGEST_CLIENT_WAIT_SECONDS):
            raise ClientBusyError(asked.client, limit.limit)
        try:
            if asked.deployed.shadows:
                self._send_shadows(asked)
            return await self._answer(asked.deployed.predictor_for(asked.puid), asked)
        finally:
            limit.release()

    async def ask_predictor(self, asked: Asked, name: str) -> Message:
        """The answer of one predictor, recorded nowhere; DeploymentMissingError when it has none so named."""
        predictor = asked.deployed.predictor(name)
        if predictor is None:
            raise DeploymentMissingError(asked.client, f"{asked.deployed.name}/{name}")
        limit = self._around.limit_of(asked.client)
        if not limit.try_acquire() and not await limit.acquire(LONGEST_CLIENT_WAIT_SECONDS):
            raise ClientBusyError(asked.client, limit.limit)
        try:
            return await self._run(predictor, asked)
        finally:
            limit.release()

    async def _answer(self, predictor: LivePredictor, asked: Asked) -> Message:
        # The caller's own end, which leaves by no error of ours.
        started, code = clock.perf_counter(), "499"
        try:
            answer = await self._run(predictor, asked)
            code = "200"
        except SeldonError as error:
            code = str(error.status)
            raise
        finally:
            seconds = clock.perf_counter() - started
            SERVER_SECONDS.observe(seconds, (*predictor.place.labels, "predictions", "post", code))
        TRAFFIC.count_variation(asked.client, SURFACE, f"{asked.deployed.name}/{predictor.name}")
        await self._record(asked, predictor, answer, seconds)
        return answer

    async def _run(self, predictor: LivePredictor, asked: Asked) -> Message:
        walk = Walk(asked.client, asked.puid, asked.headers, asked.model, is_logged=asked.is_logged)
        if len(asked.deployed.predictors) > 1:
            walk.predictor = predictor.name
        answer = await walk_graph(predictor.root, asked.message, walk)
        if predictor.order:
            walk.bring_in_order(predictor.order)
        return asked.deployed.flow.finish(walk, asked.message, answer)

    async def _record(
        self,
        asked: Asked,
        predictor: LivePredictor,
        answer: Message,
        seconds: float,
        *,
        is_shadow: bool = False,
    ) -> None:
        # What came over gRPC is JSON only here, and for large tensors that costs more than the call.
        if not self._around.is_recorded(asked.client, asked.puid):
            return
        document: Document = {"meta": asked.message.meta}
        ask = Ask(asked.client, PROTOCOLS["seldon"], await _text_of(asked.message), document, asked.puid)
        outcome, said = Outcome(asked.deployed.name, {}), await _text_of(answer)
        made = Prediction(ask, outcome, said, predictor.root.name, predictor.name, seconds, is_shadow)
        self._around.record(made)

    # -- shadows -----------------------------------------------------------------------------------

    def _send_shadows(self, asked: Asked) -> None:
        for shadow in asked.deployed.shadows_for(asked.puid):
            if len(self._shadows) >= MAX_SHADOWS:
                SHADOWS_DROPPED.add((asked.client, "too_many"))
                continue
            task = asyncio.get_running_loop().create_task(self._run_shadow(shadow, asked))
            self._shadows.add(task)
            task.add_done_callback(self._shadows.discard)

    async def _run_shadow(self, shadow: LivePredictor, asked: Asked) -> None:
        started = clock.perf_counter()
        try:
            answer = await self._run(shadow, asked)
        except SeldonError as error:
            SHADOWS_DROPPED.add((asked.client, error.code))
            logger.info("shadow %s of %s/%s: %s", shadow.name, asked.client, asked.deployed.name, error)
            return
        await self._record(asked, shadow, answer, clock.perf_counter() - started, is_shadow=True)

    # -- feedback ----------------------------------------------------------------------------------

    async def feedback(self, asked: Asked, document: Document) -> bytes:
        """The reply of the graph that answered, to a feedback that was checked."""
        deployed, meta = asked.deployed, object_in(object_in(document, "response"), "meta")
        if not deployed.flow.delivers_feedback:
            return await asked.message.text()
        predictor = self._answering(deployed, meta, asked.puid)
        walk = Walk(asked.client, asked.puid, asked.headers, is_logged=asked.is_logged)
        started, code = clock.perf_counter(), "499"
        try:
            reply = await walk_feedback(
                predictor.root, await asked.message.text(), object_in(meta, "routing"), walk
            )
            code = "200"
            return reply
        except SeldonError as error:
            code = str(error.status)
            raise
        finally:
            seconds = clock.perf_counter() - started
            SERVER_SECONDS.observe(seconds, (*predictor.place.labels, "feedback", "post", code))

    def _answering(self, deployed: Deployed, meta: Document, puid: str) -> LivePredictor:
        """The predictor that the response names, else the one that its puid gets."""
        named = object_in(meta, "tags").get("predictor")
        for predictor in deployed.predictors:
            if predictor.name == named:
                return predictor
        return deployed.predictor_for(puid)

    async def close(self) -> None:
        """Let go of the shadows under way and of every connection."""
        for task in list(self._shadows):
            task.cancel()
        await asyncio.gather(*self._shadows, return_exceptions=True)
        await self.request_log.close()
        for upstream in self.upstreams.take_all():
            await upstream.transport.close()


async def _text_of(message: Message) -> bytes:
    """The message as records have it; null for one that JSON cannot say, whose answer is none the worse."""
    try:
        return await message.text()
    except SeldonError:
        return b"null"
